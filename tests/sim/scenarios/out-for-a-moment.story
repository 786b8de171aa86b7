       0 * noise drop 89 reorder 9 fail 18 crash 14 delay 332
       0 * submit 2 green as 8009 second
       0 node 2 accepts 8009
       0 node 2 has 8009
       0 node 3 has 8009
       0 node 1 has 8009
       0 node 0 has 8009
       0 node 5 has 8009
       0 node 4 has 8009
       7 node 0 crashes
      10 * say 1 vouches 3 second
      11 node 2 crashes
      12 node 1 crashes
      16 * submit 2 green as 3 second
      20 * say 2 vouches 0 second
      22 node 2 starts
      22 node 2 accepts 3
      22 node 2 has 3
      23 node 0 starts
      23 node 0 crashes
      25 * submit 4 green as 1 second
      25 node 4 accepts 1
      25 node 4 has 1
      25 node 3 has 1
      25 node 5 crashes
      25 node 3 crashes
      26 node 0 starts
      27 * submit 1 amber as 20 to 0 3 4 5
      29 * submit 4 green as 8006 second
      29 node 4 accepts 8006
      29 node 4 has 8006
      30 node 0 crashes
      32 node 1 starts
      32 node 1 crashes
      32 node 3 starts
      32 node 3 crashes
      35 node 0 starts
      36 * say 4 expels 5 second
      36 node 4 has these in: 0 1 2 3 4
      36 node 4 has said so
      37 * submit 5 amber as 2 to 2 4
      42 * submit 5 green as 15 second
      42 node 5 starts
      43 * retract 2 3
      43 node 2 takes 3 back
      43 node 2 hides 3
      43 node 5 accepts 2
      43 node 5 has 2
      43 node 0 hides 3
      44 node 1 starts
      45 node 1 accepts 20
      45 node 1 has 20
      45 node 5 accepts 15
      45 node 5 has 15
      46 * submit 3 clear as 6
      46 node 5 crashes
      46 node 1 crashes
      48 * submit 3 clear as 5
      49 node 5 starts
      49 node 1 starts
      50 node 1 crashes
      50 node 3 starts
      50 node 3 crashes
      51 node 2 crashes
      54 * submit 2 green as 8001 second
      55 node 4 crashes
      62 * submit 5 green as 0
      62 node 5 accepts 0
      62 node 5 has 0
      62 node 1 starts
      63 * submit 4 green as 8
      63 node 1 crashes
      63 node 3 starts
      63 node 3 crashes
      64 node 3 starts
      65 node 4 starts
      66 node 4 accepts 8
      66 node 4 has 8
      66 node 3 accepts 5
      66 node 3 has 5
      67 node 3 accepts 6
      67 node 3 has 6
      67 node 4 crashes
      70 * submit 1 green as 18
      71 node 2 starts
      72 node 1 starts
      72 node 2 accepts 8001
      72 node 2 has 8001
      72 node 0 has 8001
      72 node 1 crashes
      74 * say 4 expels 4 second
      76 node 4 starts
      78 * say 2 vouches 5 second
      78 node 2 crashes
      78 node 3 crashes
      79 * submit 0 amber as 14 to 1 3
      79 node 0 accepts 14
      79 node 0 has 14
      79 node 4 has 0
      79 node 5 has these in: 0 1 2 3 4
      80 node 4 has 2
      80 node 5 has 8
      82 * say 2 vouches 5 second
      83 node 2 starts
      87 * submit 5 green as 7 second
      88 * say 2 expels 2 second
      88 node 2 has these in: 1 3 4 5
      88 node 2 has said so
      92 node 3 starts
      92 node 1 starts
      94 * say 2 expels 2 second
      94 node 3 crashes
      94 node 2 crashes
      94 * say 1 readmits 4 second
      94 node 1 accepts 18
      94 node 1 has 18
      94 node 1 has these in: 0 1 2 3 4
      94 node 4 has 18
      94 node 5 has 18
      95 node 1 crashes
      97 * say 2 readmits 2 second
      98 * say 2 unvouches 5 second
     101 * submit 3 green as 8008 second
     102 node 1 starts
     102 node 1 crashes
     104 * retract 3 5
     107 * submit 2 clear as 13
     112 node 4 crashes
     112 node 3 starts
     112 node 3 crashes
     113 node 1 starts
     114 * say 5 expels 1 second
     114 node 2 starts
     114 node 2 crashes
     114 node 3 starts
     114 node 3 crashes
     115 node 1 crashes
     117 node 3 starts
     119 node 3 accepts 8008
     119 node 3 has 8008
     119 node 3 takes 5 back
     119 node 3 hides 5
     122 * submit 4 green as 8011 second
     125 node 4 starts
     125 * submit 5 green as 8005 second
     126 node 1 starts
     126 node 2 starts
     126 node 1 crashes
     128 node 4 accepts 8011
     128 node 4 has 8011
     128 node 2 accepts 13
     128 node 2 has 13
     129 * say 2 readmits 2 second
     129 node 2 has these in: 0 1 2 3 4 5
     129 node 2 has said so
     131 node 1 starts
     133 node 1 crashes
     134 * submit 1 clear as 11
     135 * say 5 readmits 1 second
     136 node 0 crashes
     141 * say 1 vouches 4 second
     143 node 1 starts
     143 node 1 crashes
     144 * submit 3 clear as 10
     144 node 3 accepts 10
     144 node 3 has 10
     144 node 4 has 10
     145 node 5 has 10
     145 node 2 has 10
     145 node 2 hides 5
     145 node 2 has 6
     145 node 3 crashes
     146 node 0 starts
     149 * retract 1 11
     150 * say 1 vouches 0 second
     151 node 1 starts
     151 node 1 crashes
     157 * submit 2 amber as 12 to 5
     157 node 2 accepts 12
     157 node 2 has 12
     160 node 3 starts
     160 node 3 crashes
     166 node 1 starts
     166 node 1 crashes
     169 * submit 5 green as 8000 second
     172 node 3 starts
     172 node 3 crashes
     175 * submit 2 clear as 17
     175 node 2 accepts 17
     175 node 2 has 17
     176 node 0 crashes
     176 * submit 3 amber as 19 to 1 5
     184 node 1 starts
     184 node 1 crashes
     186 * retract 3 10
     186 * retract 2 17
     186 node 2 takes 17 back
     186 node 2 hides 17
     187 * submit 2 green as 4 second
     187 node 2 accepts 4
     187 node 2 has 4
     187 node 0 starts
     190 * submit 3 green as 8003 second
     191 node 1 starts
     191 node 1 crashes
     191 node 3 starts
     191 node 4 crashes
     191 node 3 accepts 19
     191 node 3 has 19
     192 node 2 crashes
     192 node 3 crashes
     193 node 4 starts
     195 * submit 4 green as 8010 second
     195 node 4 accepts 8010
     195 node 4 has 8010
     196 node 4 crashes
     198 * submit 1 green as 8007 second
     201 node 1 starts
     202 node 1 crashes
     202 node 2 starts
     203 node 3 starts
     203 node 5 crashes
     204 node 3 takes 10 back
     204 node 3 hides 10
     204 node 2 hides 10
     204 node 3 crashes
     205 * submit 5 green as 8004 second
     206 * say 2 vouches 4 second
     206 node 2 has said so
     206 * say 1 expels 5 second
     206 * submit 3 amber as 21 to 0 1 2 4
     208 node 0 has 6
     208 node 0 has 13
     208 node 0 hides 17
     208 node 0 hides 5
     208 node 0 hides 10
     208 node 0 has 4
     212 node 5 starts
     212 node 5 crashes
     213 node 4 starts
     213 node 1 starts
     213 node 1 crashes
     214 * say 1 readmits 5 second
     218 node 3 starts
     218 node 3 crashes
     220 node 4 crashes
     220 * say 2 vouches 5 second
     221 * split 1 3 4 for 18.358
     225 * say 1 expels 5 second
     225 * say 1 expels 2 second
     227 * submit 0 green as 8002 second
     227 node 0 accepts 8002
     227 node 0 has 8002
     227 node 2 has 8002
     227 * say 5 expels 3 second
     228 * submit 2 clear as 16
     228 * submit 0 green as 8012 second
     228 node 0 accepts 8012
     228 node 0 has 8012
     229 node 1 starts
     229 * say 0 expels 1 second
     229 node 0 has these in: 0 2 4 5
     229 node 0 has said so
     229 * say 4 expels 0 second
     230 node 1 accepts 11
     230 node 1 has 11
     230 node 1 takes 11 back
     230 node 1 hides 11
     230 node 3 starts
     230 node 3 accepts 21
     230 node 3 has 21
     231 node 1 accepts 8007
     231 node 1 has 8007
     231 node 2 accepts 16
     231 node 2 has 16
     231 node 5 starts
     231 * say 2 expels 1 second
     231 node 2 has these in: 0 2 4 5
     231 node 2 has said so
     232 * submit 2 green as 9 second
     232 node 2 accepts 9
     232 node 2 has 9
     232 node 3 accepts 8003
     232 node 3 has 8003
     232 node 3 crashes
     234 * say 4 expels 5 second
     234 * say 0 expels 4 second
     234 node 0 has these in: 0 2 5
     234 node 0 has said so
     234 * say 0 expels 0 second
     234 node 0 has these in: 1 2 3 4 5
     234 node 0 has said so
     235 * say 0 expels 3 second
     236 * say 5 expels 4 second
     236 node 4 starts
     236 * say 4 expels 2 second
     236 node 4 has these in: 1 3 4
     236 node 4 has said so
     236 * say 3 expels 2 second
     237 * say 1 expels 0 second
     237 node 1 has these in: 1 2 3 4
     237 node 1 has said so
     237 node 3 starts
     237 * say 3 expels 5 second
     237 node 3 has these in: 0 1 2 3 4
     237 node 3 has said so
     241 node 2 crashes
     241 node 3 crashes
     242 node 3 starts
     242 node 1 crashes
     243 node 3 crashes
     245 node 5 has these in: 1 3 4
     246 * retract 2 4
     246 node 1 starts
     246 node 2 starts
     246 node 3 starts
     246 node 1 has these in: 2 4
     246 node 1 has 6
     246 node 1 hides 5
     246 node 1 has 0
     246 node 1 has 8
     246 node 1 has 13
     246 node 1 hides 10
     246 node 1 hides 17
     246 node 3 has these in: 0 2 4
     246 node 2 has these in: 2 4
     246 node 0 has these in: 1 2 3 4
     246 node 4 has 6
     246 node 4 hides 5
     246 node 4 hides 10
     246 node 1 has 19
     246 node 1 has 21
     246 node 3 has 0
     246 node 3 has 8
     246 node 3 has 18
     246 node 2 has 21
     246 node 0 has 21
     246 node 4 has 21
     246 node 5 has 19
     246 node 2 has 0
     246 node 2 has 8
     246 node 2 has 18
     246 node 3 has these in: 2 4
     246 node 2 hides 11
     246 node 0 hides 11
     246 node 5 has 6
     246 node 5 hides 5
     246 node 5 has 13
     246 node 5 hides 11
     246 node 5 hides 10
     246 node 5 hides 17
     246 node 4 has these in:
     246 node 1 has 16
     246 node 3 has 13
     246 node 3 hides 17
     246 node 3 has 16
     246 node 4 has 13
     246 node 4 hides 11
     246 node 4 hides 17
     246 node 1 has these in:
     246 node 1 has 14
     246 node 3 has these in:
     246 node 3 hides 11
     246 node 0 has 0
     246 node 0 has 8
     246 node 0 has 18
     246 node 3 has 20
     246 node 5 has 20
     246 node 4 has 16
     246 node 0 has 20
     246 node 4 has 20
     246 node 5 has these in:
     246 node 0 has these in: 2 4
     246 node 5 has 16
     246 node 0 has these in:
     246 node 0 has 16
     246 node 2 has these in:
     246 node 3 has 14
     249 node 2 takes 4 back
     249 node 2 hides 4
     426 node 1 accepts 1000035
     426 node 1 has 1000035
     426 node 2 has 1000035
     426 node 0 has 1000035
     426 node 4 has 1000035
     426 node 3 has 1000035
     426 node 5 has 1000035
     430 node 1 accepts 1000036
     430 node 1 has 1000036
     430 node 2 has 1000036
     430 node 0 has 1000036
     430 node 4 has 1000036
     430 node 3 has 1000036
     430 node 5 has 1000036
     434 node 1 accepts 1000037
     434 node 1 has 1000037
     434 node 2 has 1000037
     434 node 0 has 1000037
     434 node 4 has 1000037
     434 node 3 has 1000037
     434 node 5 has 1000037
     438 the link of 2 and 0 goes dead
     438 node 1 accepts 1000038
     438 node 1 has 1000038
     438 node 2 has 1000038
     438 node 0 has 1000038
     438 node 4 has 1000038
     438 node 3 has 1000038
     438 node 5 has 1000038
