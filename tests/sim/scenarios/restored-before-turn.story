      10 * transport 1
      10 node 1 lists a new transport key
      10 node 1 has another transport key
      30 * restore 0 told
      30 node 0 starts
      60 * submit 1 clear as 1
      60 node 1 accepts 1
      60 node 1 has 1
      60 node 0 has 1
      60 node 2 has 1
      70 * submit 0 clear as 2
      70 node 0 accepts 2
      70 node 0 has 2
      70 node 2 has 2
      70 node 1 has 2
     160 * expect 0 has 1
     160 * expect 1 has 2
     380 node 1 accepts 1000002
     380 node 1 has 1000002
     380 node 0 has 1000002
     380 node 2 has 1000002
     384 node 1 accepts 1000003
     384 node 1 has 1000003
     384 node 0 has 1000003
     384 node 2 has 1000003
     388 node 1 accepts 1000004
     388 node 1 has 1000004
     388 node 0 has 1000004
     388 node 2 has 1000004
     392 the link of 0 and 2 goes dead
     392 node 1 accepts 1000005
     392 node 1 has 1000005
     392 node 0 has 1000005
     392 node 2 has 1000005
