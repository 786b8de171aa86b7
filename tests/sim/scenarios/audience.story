      10 * submit 0 amber as 1 to 1 2
      10 node 0 accepts 1
      10 node 0 has 1
      10 node 1 has 1
      10 node 2 has 1
      20 * expect 1 has 1
      20 * expect 2 has 1
      20 * expect 3 lacks 1
      20 * submit 3 clear as 2
      20 node 3 accepts 2
      20 node 3 has 2
      20 node 0 has 2
      20 node 2 has 2
      20 node 1 has 2
      30 * expect 2 has 2
     220 node 1 accepts 1000002
     220 node 1 has 1000002
     220 node 0 has 1000002
     220 node 2 has 1000002
     220 node 3 has 1000002
     224 node 1 accepts 1000003
     224 node 1 has 1000003
     224 node 0 has 1000003
     224 node 2 has 1000003
     224 node 3 has 1000003
     228 node 1 accepts 1000004
     228 node 1 has 1000004
     228 node 0 has 1000004
     228 node 2 has 1000004
     228 node 3 has 1000004
     232 the link of 0 and 1 goes dead
     232 node 1 accepts 1000005
     232 node 1 has 1000005
     232 node 2 has 1000005
     232 node 3 has 1000005
     232 node 0 has 1000005
