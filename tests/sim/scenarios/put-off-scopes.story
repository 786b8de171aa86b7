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
      76 node 1 crashes
      77 node 1 starts
      79 node 0 has 0
      79 node 0 has 22
      79 node 0 has 5
      79 node 1 has 2
      79 node 2 crashes
      80 node 0 has 1
      80 node 0 has 10
      80 node 1 has 23
      81 node 2 starts
      81 * submit 3 clear as 16
      81 node 3 accepts 16
      81 node 3 has 16
      82 node 2 crashes
      89 * submit 1 clear as 13
      89 node 1 accepts 13
      89 node 1 has 13
      89 node 2 starts
      90 node 0 has 13
      92 node 2 has 2
      92 node 2 has 13
      92 node 1 crashes
      95 node 2 crashes
      97 node 1 starts
      97 * clock 1 3660d
      98 * submit 3 green as 20
      98 node 3 accepts 20
      98 node 3 has 20
      98 node 1 crashes
     105 * submit 1 clear as 17
     107 node 2 starts
     108 node 2 crashes
     110 node 2 starts
     114 node 1 starts
     115 node 1 crashes
     124 node 1 starts
     126 node 1 accepts 17
     126 node 1 has 17
     128 * submit 1 amber as 26 to 3
     128 node 1 accepts 26
     128 node 1 has 26
     128 * submit 1 green as 11
     128 node 1 accepts 11
     128 node 1 has 11
     135 * submit 3 green as 3
     135 node 3 accepts 3
     135 node 3 has 3
     137 node 1 crashes
     139 node 2 crashes
     140 node 1 starts
     145 * clock 1 0
     147 node 0 crashes
     147 node 2 starts
     147 node 2 crashes
     151 * submit 0 clear as 12
     158 node 0 starts
     160 node 0 accepts 12
     160 node 0 has 12
     161 * submit 0 green as 4
     161 node 0 accepts 4
     161 node 0 has 4
     161 * submit 3 green as 18
     161 node 3 accepts 18
     161 node 3 has 18
     163 node 2 starts
     163 node 2 crashes
     167 * submit 1 amber as 7 to 0 2 3
     167 node 1 accepts 7
     167 node 1 has 7
     169 * submit 2 clear as 9
     170 node 1 crashes
     181 node 2 starts
     181 node 2 accepts 9
     181 node 2 has 9
     182 * submit 1 clear as 19
     185 node 2 crashes
     188 node 1 starts
     188 node 1 crashes
     194 node 2 starts
     194 * submit 2 amber as 14 to 0
     194 node 2 accepts 14
     194 node 2 has 14
     195 node 2 crashes
     196 * submit 0 amber as 15 to 1 2 3
     196 node 0 accepts 15
     196 node 0 has 15
     203 * submit 3 clear as 6
     203 node 3 accepts 6
     203 node 3 has 6
     204 node 2 starts
     204 node 2 crashes
     207 node 1 starts
     208 * submit 1 green as 25
     208 node 1 accepts 25
     208 node 1 has 25
     208 node 0 crashes
     209 node 1 crashes
     211 node 2 starts
     213 node 2 has 16
     213 node 2 has 6
     213 node 3 has 13
     213 node 3 has 2
     213 node 3 has 9
     213 node 2 has 18
     213 node 2 has 20
     213 node 2 has 3
     222 * submit 3 amber as 8 to 2
     222 node 3 accepts 8
     222 node 3 has 8
     222 node 2 has 8
     224 node 0 starts
     224 * submit 1 green as 24
     227 node 1 starts
     227 node 1 accepts 19
     228 node 1 crashes
     231 * submit 3 green as 21
     231 node 3 accepts 21
     231 node 3 has 21
     231 node 2 has 21
     237 * clock 1 -2
     244 node 1 starts
     245 node 1 accepts 24
     245 node 1 has 19
     245 node 1 has 24
     256 * clock 1 0
     262 node 2 has 19
     262 node 1 has 16
     262 node 1 has 9
     262 node 1 has 6
     262 node 2 has 23
     262 node 2 has 10
     262 node 2 has 25
     262 node 2 has 24
     262 node 1 has 20
     262 node 1 has 3
     262 node 1 has 18
     262 node 1 has 21
     262 node 3 has 19
     262 node 3 has 23
     262 node 3 has 10
     262 node 3 has 25
     262 node 3 has 24
     262 node 1 has 4
     262 node 0 has 16
     262 node 0 has 9
     262 node 0 has 19
     262 node 0 has 6
     262 node 1 has 15
     262 node 0 has 20
     262 node 0 has 3
     262 node 0 has 18
     262 node 0 has 25
     262 node 0 has 24
     262 node 0 has 21
     262 node 1 has 12
     262 node 2 has 12
     262 node 3 has 12
     262 node 2 has 4
     262 node 3 has 4
     262 node 2 has 15
     262 node 3 has 15
     436 node 0 accepts 1000028
     436 node 0 has 1000028
     436 node 1 has 1000028
     436 node 2 has 1000028
     436 node 3 has 1000028
     440 node 0 accepts 1000029
     440 node 0 has 1000029
     440 node 1 has 1000029
     440 node 2 has 1000029
     440 node 3 has 1000029
     444 node 0 accepts 1000030
     444 node 0 has 1000030
     444 node 1 has 1000030
     444 node 2 has 1000030
     444 node 3 has 1000030
