       0 * noise drop 74 reorder 9 crash 13 delay 359
       1 * split 0 3 for 7.450
      10 * submit 1 green as 1
      10 node 1 accepts 1
      10 node 1 has 1
      14 node 2 has 1
      15 node 3 has 1
      16 node 0 crashes
      16 node 1 crashes
      18 * submit 1 clear as 22
      19 * submit 0 clear as 2
      22 node 1 starts
      24 node 1 accepts 22
      24 node 1 has 22
      25 node 1 crashes
      29 node 0 starts
      31 node 0 accepts 2
      31 node 0 has 2
      39 node 1 starts
      39 * submit 3 clear as 0
      39 node 3 accepts 0
      39 node 3 has 0
      39 node 2 has 0
      40 * submit 0 green as 23
      40 node 0 accepts 23
      40 node 0 has 23
      40 node 0 crashes
      42 * submit 2 amber as 27 to 0
      42 node 2 accepts 27
      42 node 2 has 27
      42 * submit 1 clear as 5
      42 node 1 accepts 5
      42 node 1 has 5
      44 node 2 has 5
      44 node 2 has 22
      44 node 1 has 0
      45 node 3 has 5
      45 node 3 has 22
      45 node 2 crashes
      45 node 1 crashes
      45 * submit 1 green as 10
      50 node 2 starts
      61 node 0 starts
      61 node 1 starts
      61 node 1 crashes
      75 node 1 starts
      75 node 1 accepts 10
      75 node 1 has 10
      78 node 0 has 22
      78 node 0 has 5
      78 node 0 has 0
      78 node 1 has 2
      78 node 0 has 1
      78 node 0 has 10
      81 * submit 3 clear as 16
      81 node 3 accepts 16
      81 node 3 has 16
      81 node 2 has 2
      81 node 1 crashes
      81 node 2 has 16
      82 node 3 has 2
      82 node 2 crashes
      84 node 1 starts
      89 * submit 1 clear as 13
      89 node 1 accepts 13
      89 node 1 has 13
      90 node 0 has 13
      91 node 2 starts
      95 node 2 crashes
      97 * clock 1 3660d
      98 * submit 3 green as 20
      98 node 3 accepts 20
      98 node 3 has 20
     105 * submit 1 clear as 17
     105 node 1 accepts 17
     105 node 1 has 17
     107 node 1 crashes
     111 node 2 starts
     112 node 3 crashes
     114 node 3 starts
     118 node 1 starts
     121 node 2 has 20
     125 node 2 crashes
     128 * submit 1 amber as 26 to 3
     128 node 1 accepts 26
     128 node 1 has 26
     128 node 2 starts
     128 node 2 crashes
     128 * submit 1 green as 11
     128 node 1 accepts 11
     128 node 1 has 11
     135 * submit 3 green as 3
     135 node 3 accepts 3
     135 node 3 has 3
     141 node 2 starts
     145 * clock 1 0
     146 node 2 crashes
     151 * submit 0 clear as 12
     151 node 0 accepts 12
     151 node 0 has 12
     158 node 2 starts
     158 node 1 crashes
     158 node 2 crashes
     161 * submit 0 green as 4
     161 node 0 accepts 4
     161 node 0 has 4
     161 node 2 starts
     161 * submit 3 green as 18
     161 node 3 accepts 18
     161 node 3 has 18
     167 * submit 1 amber as 7 to 0 2 3
     169 * submit 2 clear as 9
     169 node 2 accepts 9
     169 node 2 has 9
     169 node 3 has 9
     175 node 1 starts
     175 node 1 crashes
     182 node 2 has 3
     182 node 2 has 18
     182 * submit 1 clear as 19
     193 node 1 starts
     194 node 1 accepts 7
     194 node 1 has 7
     194 * submit 2 amber as 14 to 0
     194 node 2 accepts 14
     194 node 2 has 14
     194 node 1 accepts 19
     194 node 1 has 19
     195 node 0 has 19
     196 * submit 0 amber as 15 to 1 2 3
     196 node 0 accepts 15
     196 node 0 has 15
     198 node 0 crashes
     203 * submit 3 clear as 6
     203 node 3 accepts 6
     203 node 3 has 6
     203 node 2 has 6
     205 node 0 starts
     208 * submit 1 green as 25
     208 node 1 accepts 25
     208 node 1 has 25
     212 node 1 has 12
     214 node 1 has 4
     216 node 1 crashes
     222 * submit 3 amber as 8 to 2
     222 node 3 accepts 8
     222 node 3 has 8
     222 node 2 has 8
     223 node 1 starts
     224 * submit 1 green as 24
     224 node 1 accepts 24
     224 node 1 has 24
     231 * submit 3 green as 21
     231 node 3 crashes
     232 node 2 crashes
     232 node 2 starts
     232 node 2 crashes
     237 * clock 1 -2
     240 node 2 starts
     241 node 2 crashes
     245 node 3 starts
     246 node 3 accepts 21
     246 node 3 has 21
     250 node 0 crashes
     251 node 2 starts
     252 node 0 starts
     253 node 2 has 21
     256 * clock 1 0
     266 node 1 has 15
     266 node 0 has 25
     266 node 0 has 24
     266 node 0 has 7
     266 node 1 has 23
     266 node 2 has 13
     266 node 2 has 12
     266 node 2 has 19
     266 node 1 has 9
     266 node 1 has 6
     266 node 2 has 23
     266 node 2 has 10
     266 node 2 has 4
     266 node 2 has 25
     266 node 2 has 24
     266 node 1 has 20
     266 node 1 has 3
     266 node 1 has 18
     266 node 1 has 21
     266 node 2 has 7
     266 node 2 has 15
     266 node 0 has 9
     266 node 0 has 6
     266 node 0 has 20
     266 node 0 has 3
     266 node 0 has 18
     266 node 0 has 21
     266 node 3 has 13
     266 node 3 has 12
     266 node 3 has 19
     266 node 3 has 23
     266 node 3 has 10
     266 node 3 has 4
     266 node 3 has 7
     266 node 3 has 15
     266 node 3 has 25
     266 node 3 has 24
     267 node 1 has 16
     267 node 0 has 16
     436 node 1 accepts 1000028
     436 node 1 has 1000028
     436 node 2 has 1000028
     436 node 0 has 1000028
     436 node 3 has 1000028
     440 node 1 accepts 1000029
     440 node 1 has 1000029
     440 node 2 has 1000029
     440 node 0 has 1000029
     440 node 3 has 1000029
     444 node 1 accepts 1000030
     444 node 1 has 1000030
     444 node 2 has 1000030
     444 node 0 has 1000030
     444 node 3 has 1000030
