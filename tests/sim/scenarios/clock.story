      10 * submit 0 green as 1
      10 node 0 accepts 1
      10 node 0 has 1
      10 node 1 has 1
      10 node 2 has 1
      60 * clock 1 3660d
     100 * expect 1 has 1
     120 * submit 2 green as 2
     120 node 2 accepts 2
     120 node 2 has 2
    1800 * heal
    1800 node 1 crashes
    1800 node 1 starts
    1800 node 1 has 2
    1800 node 0 has 2
    2400 * expect 1 has 1
    2400 * expect 1 has 2
    2400 * expect 0 has 2
    2580 node 2 accepts 1000002
    2580 node 2 has 1000002
    2580 node 1 has 1000002
    2580 node 0 has 1000002
    2584 node 2 accepts 1000003
    2584 node 2 has 1000003
    2584 node 1 has 1000003
    2584 node 0 has 1000003
    2588 node 2 accepts 1000004
    2588 node 2 has 1000004
    2588 node 1 has 1000004
    2588 node 0 has 1000004
