       1 * clock 2 3660d
       5 * transport 3
       5 node 3 lists a new transport key
      60 * clock 2 0
      61 * crash 2 for 5
      61 node 2 crashes
      66 node 2 starts
      66 node 3 has another transport key
     120 * submit 3 green as 1
     120 node 3 accepts 1
     120 node 3 has 1
     120 node 2 has 1
     120 node 1 has 1
     120 node 0 has 1
     170 * expect 0 has 1
     360 node 1 accepts 1000001
     360 node 1 has 1000001
     360 node 0 has 1000001
     360 node 2 has 1000001
     360 node 3 has 1000001
     364 node 1 accepts 1000002
     364 node 1 has 1000002
     364 node 0 has 1000002
     364 node 2 has 1000002
     364 node 3 has 1000002
     368 node 1 accepts 1000003
     368 node 1 has 1000003
     368 node 0 has 1000003
     368 node 2 has 1000003
     368 node 3 has 1000003
