       3 * transport 1
       3 node 1 lists a new transport key
       8 * mute 1 0 for 53.819
       9 * confirm 1 0
     123 node 1 has another transport key
     285 node 1 accepts 1000000
     285 node 1 has 1000000
     285 node 0 has 1000000
     289 node 1 accepts 1000001
     289 node 1 has 1000001
     289 node 0 has 1000001
     293 node 1 accepts 1000002
     293 node 1 has 1000002
     293 node 0 has 1000002
