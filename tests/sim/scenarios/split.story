      10 * split 0 1 for 100
      20 * submit 0 green as 1
      20 * submit 3 green as 2
      20 node 0 accepts 1
      20 node 0 has 1
      20 node 3 accepts 2
      20 node 3 has 2
      20 node 1 has 1
      20 node 2 has 2
      40 * expect 1 has 1
      40 * expect 2 lacks 1
      40 * expect 1 lacks 2
      40 * expect 2 has 2
     127 node 1 has 2
     127 node 2 has 1
     127 node 0 has 2
     127 node 3 has 1
     170 * expect 3 has 1
     170 * expect 0 has 2
     170 * expect same
     360 node 2 accepts 1000002
     360 node 2 has 1000002
     360 node 1 has 1000002
     360 node 3 has 1000002
     360 node 0 has 1000002
     364 node 2 accepts 1000003
     364 node 2 has 1000003
     364 node 1 has 1000003
     364 node 3 has 1000003
     364 node 0 has 1000003
     368 node 2 accepts 1000004
     368 node 2 has 1000004
     368 node 1 has 1000004
     368 node 3 has 1000004
     368 node 0 has 1000004
