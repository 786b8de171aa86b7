       5 * crash 0 for 40
       5 node 0 crashes
       6 * cut 1 2 for 1m
      10 * transport 1
      10 node 1 lists a new transport key
      12 * submit 1 green as 1
      12 node 1 accepts 1
      12 node 1 has 1
      45 node 0 starts
      45 node 0 has 1
      60 * expect 0 has 1
      66 node 1 has another transport key
      66 node 2 has 1
      90 * submit 2 green as 2
      90 node 2 accepts 2
      90 node 2 has 2
      90 node 1 has 2
      90 node 0 has 2
     120 * transport 1
     120 node 1 lists a new transport key
     120 node 1 has another transport key
     121 * transport 2
     121 node 2 lists a new transport key
     121 node 2 has another transport key
     160 * submit 0 green as 3
     160 node 0 accepts 3
     160 node 0 has 3
     160 node 1 has 3
     160 node 2 has 3
     200 * expect 0 has 2
     200 * expect 2 has 3
     380 node 0 accepts 1000003
     380 node 0 has 1000003
     380 node 1 has 1000003
     380 node 2 has 1000003
     384 node 0 accepts 1000004
     384 node 0 has 1000004
     384 node 1 has 1000004
     384 node 2 has 1000004
     388 node 0 accepts 1000005
     388 node 0 has 1000005
     388 node 1 has 1000005
     388 node 2 has 1000005
