      10 * lie 1 0
      10 the root key of node 1 is stolen
      10 * transport 1
      10 node 1 lists a new transport key
      30 * submit 2 green as 1
      30 node 2 accepts 1
      30 node 2 has 1
      30 node 0 has 1
      30 node 1 has 1
      40 * expect 1 has 1
      60 * transport 1
      60 node 1 lists a new transport key
      60 node 1 has another transport key
      80 * submit 1 green as 2
      80 node 1 accepts 2
      80 node 1 has 2
      80 node 0 has 2
      80 node 2 has 2
      90 * expect 2 has 2
     300 node 2 accepts 1000002
     300 node 2 has 1000002
     300 node 0 has 1000002
     300 node 1 has 1000002
     304 node 2 accepts 1000003
     304 node 2 has 1000003
     304 node 0 has 1000003
     304 node 1 has 1000003
     308 node 2 accepts 1000004
     308 node 2 has 1000004
     308 node 0 has 1000004
     308 node 1 has 1000004
