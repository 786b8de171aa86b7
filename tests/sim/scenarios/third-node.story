      10 * submit 0 amber as 1 to 2
      10 node 0 accepts 1
      10 node 0 has 1
      60 * expect 2 lacks 1
      70 * through 0 1 2
      72 * expect 2 lacks 1
      74 * confirm 0 2
      75 * confirm 2 0
      75 node 2 has 1
      80 * expect 2 has 1
      80 * expect 1 lacks 1
      90 * submit 2 amber as 2 to 0 large
      90 node 2 accepts 2
      90 node 2 has 2
      90 * crash 1 for 20
      90 node 1 crashes
     110 node 1 starts
     110 node 0 has 2
     150 * expect 0 has 2
     150 * submit 0 amber as 3 to 2 large
     150 node 0 accepts 3
     150 node 0 has 3
     150 * crash 2 for 20
     150 node 2 crashes
     170 node 2 starts
     170 node 2 has 3
     210 * expect 2 has 3
     220 * through 0 1 2 not
     221 * submit 0 amber as 4 to 2
     221 node 0 accepts 4
     221 node 0 has 4
     300 * expect 2 lacks 4
     310 * through 0 1 2
     310 node 2 has 4
     320 * expect 2 has 4
     320 * expect 1 lacks 4
     321 * retract 0 1
     321 node 0 takes 1 back
     321 node 0 hides 1
     321 node 2 hides 1
     330 * expect 2 hides 1
     330 * expect same
     520 node 2 accepts 1000004
     520 node 2 has 1000004
     520 node 1 has 1000004
     520 node 0 has 1000004
     524 node 2 accepts 1000005
     524 node 2 has 1000005
     524 node 1 has 1000005
     524 node 0 has 1000005
     528 node 2 accepts 1000006
     528 node 2 has 1000006
     528 node 1 has 1000006
     528 node 0 has 1000006
