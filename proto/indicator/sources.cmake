# The part of kr_proto that this folder gives; included by proto/CMakeLists.txt behind add_library(kr_proto).
find_library(KR_UNISTRING unistring REQUIRED)
target_sources(kr_proto PRIVATE
    ${CMAKE_CURRENT_LIST_DIR}/address.c
    ${CMAKE_CURRENT_LIST_DIR}/domain.c
    ${CMAKE_CURRENT_LIST_DIR}/indicator.c
    ${CMAKE_CURRENT_LIST_DIR}/keys.c
    ${CMAKE_CURRENT_LIST_DIR}/name.c
    ${CMAKE_CURRENT_LIST_DIR}/plain.c
    ${CMAKE_CURRENT_LIST_DIR}/regex.c
    ${CMAKE_CURRENT_LIST_DIR}/text.c
    ${CMAKE_CURRENT_LIST_DIR}/url.c)
target_link_libraries(kr_proto PRIVATE PkgConfig::LIBIDN2 PkgConfig::PCRE2 ${KR_UNISTRING})
