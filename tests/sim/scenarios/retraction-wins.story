      10 * submit 0 green as 1
      10 node 0 accepts 1
      10 node 0 has 1
      10 node 1 has 1
      10 node 2 has 1
      10 node 3 has 1
      20 * backup 3
      30 * crash 2 for 2m
      30 node 2 crashes
      60 * retract 0 1
      60 node 0 takes 1 back
      60 node 0 hides 1
      60 node 1 hides 1
      70 * expect 0 hides 1
      70 * expect 1 hides 1
      70 * expect 3 has 1
     150 node 2 starts
     175 node 2 hides 1
     175 node 3 hides 1
     200 * expect 2 hides 1
     200 * expect 3 hides 1
     210 * restore 3
     210 node 3 starts
     210 node 3 has 1
     210 node 3 hides 1
     260 * expect 3 hides 1
     260 * expect same
     440 node 1 accepts 1000001
     440 node 1 has 1000001
     440 node 0 has 1000001
     440 node 2 has 1000001
     440 node 3 has 1000001
     444 node 1 accepts 1000002
     444 node 1 has 1000002
     444 node 0 has 1000002
     444 node 2 has 1000002
     444 node 3 has 1000002
     448 node 1 accepts 1000003
     448 node 1 has 1000003
     448 node 0 has 1000003
     448 node 2 has 1000003
     448 node 3 has 1000003
