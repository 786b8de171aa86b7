      10 * submit 1 green as 1
      10 node 1 accepts 1
      10 node 1 has 1
      10 node 0 has 1
      10 node 2 has 1
      20 * submit 0 clear as 2
      20 node 0 accepts 2
      20 node 0 has 2
      20 node 1 has 2
      20 node 2 has 2
      60 * restore 1
      60 node 1 starts
      60 node 1 has no longer 1
      60 node 1 has no longer 2
      60 node 1 has 1
      60 node 1 has 2
     120 * expect 1 has 1
     120 * expect 1 has 2
     120 * expect same
     300 node 1 accepts 1000002
     300 node 1 has 1000002
     300 node 0 has 1000002
     300 node 2 has 1000002
     304 node 1 accepts 1000003
     304 node 1 has 1000003
     304 node 0 has 1000003
     304 node 2 has 1000003
     308 node 1 accepts 1000004
     308 node 1 has 1000004
     308 node 0 has 1000004
     308 node 2 has 1000004
