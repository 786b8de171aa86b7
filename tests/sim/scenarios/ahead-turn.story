       1 * clock 2 2h
       1 * transport 2
       1 node 2 lists a new transport key
       2 node 2 crashes
       2 node 2 starts
       2 node 2 has another transport key
     182 node 1 accepts 1000000
     182 node 1 has 1000000
     182 node 0 has 1000000
     182 node 2 has 1000000
     186 node 1 accepts 1000001
     186 node 1 has 1000001
     186 node 0 has 1000001
     186 node 2 has 1000001
     190 node 1 accepts 1000002
     190 node 1 has 1000002
     190 node 0 has 1000002
     190 node 2 has 1000002
