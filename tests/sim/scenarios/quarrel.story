      10 * submit 0 green as 1
      10 node 0 accepts 1
      10 node 0 has 1
      10 node 1 has 1
      10 node 2 has 1
      10 node 3 has 1
      20 * expect 3 has 1
      20 * split 0 1 for 100
      30 * say 1 expels 3
      30 * say 3 expels 1
      40 * say 2 vouches 1
      50 * submit 0 green as 2
      50 node 0 accepts 2
      50 node 0 has 2
      50 node 1 has 2
      60 * expect 1 has 2
      60 * expect 2 lacks 2
     127 node 2 has 2
     150 * say 0 vouches 2
     160 * submit 0 green as 3
     160 node 0 accepts 3
     160 node 0 has 3
     160 node 1 has 3
     160 node 2 has 3
     200 * expect 1 has 3
     200 * expect 2 has 3
     200 * expect 3 lacks 3
     200 * expect 3 lacks 2
     210 * crash 2 for 5
     210 node 2 crashes
     215 node 2 starts
     220 * say 1 readmits 3
     227 node 3 has 2
     227 node 3 has 3
     230 * say 3 readmits 1
     240 * submit 3 green as 4
     240 node 3 accepts 4
     240 node 3 has 4
     240 node 2 has 4
     240 node 1 has 4
     240 node 0 has 4
     300 * expect 3 has 2
     300 * expect 3 has 3
     300 * expect 0 has 4
     300 * expect same
     490 node 0 accepts 1000004
     490 node 0 has 1000004
     490 node 1 has 1000004
     490 node 2 has 1000004
     490 node 3 has 1000004
     494 node 0 accepts 1000005
     494 node 0 has 1000005
     494 node 1 has 1000005
     494 node 2 has 1000005
     494 node 3 has 1000005
     498 node 0 accepts 1000006
     498 node 0 has 1000006
     498 node 1 has 1000006
     498 node 2 has 1000006
     498 node 3 has 1000006
