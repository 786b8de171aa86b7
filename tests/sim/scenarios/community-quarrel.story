       5 * submit 0 green as 1 second
       5 node 0 accepts 1
       5 node 0 has 1
       5 node 1 has 1
       5 node 2 has 1
      10 * expect 3 lacks 1
      15 * say 0 vouches 3 second
      15 node 0 has these in: 0 1 2 3
      15 node 0 has said so
      15 node 1 has these in: 0 1 2 3
      15 node 3 has these in: 0 1 2 3
      15 node 2 has these in: 0 1 2 3
      15 node 4 has these in: 0 1 2 3
      15 node 3 has 1
      20 * submit 3 green as 2 second
      20 node 3 accepts 2
      20 node 3 has 2
      20 node 0 has 2
      20 node 1 has 2
      20 node 2 has 2
      25 * expect 2 has 2
      30 * split 0 3 for 1m
      35 * say 2 vouches 4 second
      35 node 2 has these in: 0 1 2 3 4
      35 node 2 has said so
      35 node 1 has these in: 0 1 2 3 4
      35 node 4 has these in: 0 1 2 3 4
      35 node 4 has 1
      35 node 4 has 2
      40 * say 0 expels 2 second
      40 node 0 has said so
      45 * say 1 expels 0 second
      45 node 1 has said so
      46 * say 2 expels 0 second
      46 node 2 has these in: 1 2 4
      46 node 2 has said so
      46 node 1 has these in: 1 2 4
      46 node 4 has these in: 1 2 4
      50 * submit 4 green as 3 second
      50 node 4 accepts 3
      50 node 4 has 3
      50 node 2 has 3
      50 node 1 has 3
      60 * submit 0 green as 4 second
      60 node 0 accepts 4
      60 node 0 has 4
      60 node 3 has 4
      70 * expect 2 has 3
      70 * expect 0 lacks 3
      90 node 0 has these in: 1 2 4
      90 node 3 has these in: 1 2 4
     160 * expect 2 lacks 4
     160 * expect 0 lacks 3
     170 * say 2 readmits 0 second
     170 node 2 has these in: 0 1 2 3 4
     170 node 2 has said so
     170 node 1 has these in: 0 1 2 3 4
     170 node 4 has these in: 0 1 2 3 4
     170 node 0 has these in: 0 1 2 3 4
     170 node 3 has these in: 0 1 2 3 4
     170 node 3 has 3
     170 node 1 has 4
     170 node 0 has 3
     170 node 2 has 4
     170 node 4 has 4
     200 * expect 2 has 4
     200 * expect 0 has 3
     210 * say 3 expels 3 second
     210 node 3 has these in: 0 1 2 4
     210 node 3 has said so
     210 node 0 has these in: 0 1 2 4
     210 node 1 has these in: 0 1 2 4
     210 node 2 has these in: 0 1 2 4
     210 node 4 has these in: 0 1 2 4
     215 * submit 1 green as 5 second
     215 node 1 accepts 5
     215 node 1 has 5
     215 node 0 has 5
     215 node 2 has 5
     215 node 4 has 5
     230 * say 3 readmits 3 second
     230 node 3 has these in: 0 1 2 3 4
     230 node 3 has said so
     230 node 0 has these in: 0 1 2 3 4
     230 node 1 has these in: 0 1 2 3 4
     230 node 2 has these in: 0 1 2 3 4
     230 node 4 has these in: 0 1 2 3 4
     230 node 3 has 5
     240 * submit 1 green as 6 second
     240 node 1 accepts 6
     240 node 1 has 6
     240 node 0 has 6
     240 node 2 has 6
     240 node 3 has 6
     240 node 4 has 6
     260 * expect 3 has 6
     260 * expect 3 has 5
     260 * expect same
     440 node 4 accepts 1000006
     440 node 4 has 1000006
     440 node 2 has 1000006
     440 node 1 has 1000006
     440 node 0 has 1000006
     440 node 3 has 1000006
     444 node 4 accepts 1000007
     444 node 4 has 1000007
     444 node 2 has 1000007
     444 node 1 has 1000007
     444 node 0 has 1000007
     444 node 3 has 1000007
     448 node 4 accepts 1000008
     448 node 4 has 1000008
     448 node 2 has 1000008
     448 node 1 has 1000008
     448 node 0 has 1000008
     448 node 3 has 1000008
     452 the link of 2 and 4 goes dead
     452 node 4 accepts 1000009
     452 node 4 has 1000009
     452 node 1 has 1000009
     452 node 0 has 1000009
     452 node 3 has 1000009
     452 node 2 has 1000009
