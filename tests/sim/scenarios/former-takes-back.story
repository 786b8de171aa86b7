      10 * submit 4 green as 1 second
      10 node 4 accepts 1
      10 node 4 has 1
      10 node 3 has 1
      10 node 2 has 1
      20 * crash 3 for 1m
      20 node 3 crashes
      30 * retract 4 1
      30 node 4 takes 1 back
      30 node 4 hides 1
      40 * say 2 expels 4 second
      40 node 2 has these in: 2 3
      40 node 2 has said so
      40 node 1 has these in: 2 3
      40 node 0 has these in: 2 3
      40 node 4 has these in: 2 3
      60 * expect 2 has 1
      80 node 3 starts
      80 node 3 has these in: 2 3
      80 node 3 hides 1
      80 node 2 hides 1
     120 * expect 4 hides 1
     120 * expect 3 hides 1
     120 * expect 2 hides 1
     300 node 4 accepts 1000001
     300 node 4 has 1000001
     300 node 3 has 1000001
     300 node 1 has 1000001
     300 node 2 has 1000001
     300 node 0 has 1000001
     304 node 4 accepts 1000002
     304 node 4 has 1000002
     304 node 3 has 1000002
     304 node 1 has 1000002
     304 node 2 has 1000002
     304 node 0 has 1000002
     308 node 4 accepts 1000003
     308 node 4 has 1000003
     308 node 3 has 1000003
     308 node 1 has 1000003
     308 node 2 has 1000003
     308 node 0 has 1000003
     312 the link of 2 and 3 goes dead
     312 node 4 accepts 1000004
     312 node 4 has 1000004
     312 node 3 has 1000004
     312 node 1 has 1000004
     312 node 0 has 1000004
     312 node 2 has 1000004
