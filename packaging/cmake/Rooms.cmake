# SPDX-License-Identifier: GPL-3.0-or-later
# A room is one static library, named after its folder (core/base -> poolscope_core_base).
# Headers are included by room ("core/base/time.h"), so that one grep proves the order of the rooms,
# and every header is compiled alone by the target all_verify_interface_header_sets.

set(CMAKE_CXX_STANDARD 20)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_POSITION_INDEPENDENT_CODE ON)
set(CMAKE_VERIFY_INTERFACE_HEADER_SETS ON)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)
# With the compiler's predefines moc 6.4 reads the standard library as C++20 and stumbles over it.
set(CMAKE_AUTOMOC_COMPILER_PREDEFINES OFF)
set(CMAKE_AUTOMOC_MOC_OPTIONS --include "${CMAKE_SOURCE_DIR}/packaging/cmake/mocfirst.h")

find_program(POOLSCOPE_CCACHE ccache)
if(POOLSCOPE_CCACHE AND NOT CMAKE_CXX_COMPILER_LAUNCHER)
    # Paths relative to the source tree, so that one clone finds what another has compiled.
    set(CMAKE_CXX_COMPILER_LAUNCHER "${CMAKE_COMMAND}" -E env
        "CCACHE_BASEDIR=${CMAKE_SOURCE_DIR}" CCACHE_NOHASHDIR=1 "${POOLSCOPE_CCACHE}")
endif()
find_program(POOLSCOPE_LLD ld.lld)
if(POOLSCOPE_LLD)
    add_link_options(-fuse-ld=lld)
endif()

# gcc 12 warns of uninitialised strings inside std::variant, and of overlapping copies inside its own
# std::string, wrongly, once it optimises (gcc bugs 105562, 105651).
add_library(poolscope_flags INTERFACE)
target_compile_options(poolscope_flags INTERFACE
    -Wall -Wextra -Wpedantic -Wconversion -Wshadow -Wno-sign-conversion
    $<$<CXX_COMPILER_ID:GNU>:-Wno-maybe-uninitialized>
    $<$<AND:$<CXX_COMPILER_ID:GNU>,$<CONFIG:Release>>:-Wno-restrict>
    $<$<BOOL:${POOLSCOPE_WERROR}>:-Werror>)
target_compile_definitions(poolscope_flags INTERFACE
    QT_NO_CAST_FROM_ASCII QT_NO_CAST_TO_ASCII QT_DISABLE_DEPRECATED_BEFORE=0x060400
    $<$<CONFIG:Debug>:_GLIBCXX_ASSERTIONS>)
if(POOLSCOPE_FUZZ)
    add_compile_options(-fsanitize=fuzzer-no-link)
endif()
if(POOLSCOPE_SANITIZE)
    add_compile_options(-fsanitize=${POOLSCOPE_SANITIZE} -fno-omit-frame-pointer
        -fno-sanitize-recover=all)
    add_link_options(-fsanitize=${POOLSCOPE_SANITIZE})
endif()

# poolscope_room(core/base SOURCES … HEADERS … [LINKS …] [QT])
function(poolscope_room room)
    cmake_parse_arguments(ROOM "QT" "" "SOURCES;HEADERS;LINKS" ${ARGN})
    string(REPLACE "/" "_" name "poolscope_${room}")
    add_library(${name} STATIC ${ROOM_SOURCES})
    target_sources(${name} PUBLIC FILE_SET HEADERS BASE_DIRS "${CMAKE_SOURCE_DIR}"
        FILES ${ROOM_HEADERS})
    target_link_libraries(${name} PUBLIC ${ROOM_LINKS} PRIVATE poolscope_flags)
    if(ROOM_QT)
        set_target_properties(${name} PROPERTIES AUTOMOC ON)
    else()
        set_target_properties(${name} PROPERTIES AUTOMOC OFF AUTOUIC OFF AUTORCC OFF)
    endif()
endfunction()

# poolscope_test(tst_name LABEL unit SOURCES … LINKS … [TIMEOUT s])
function(poolscope_test name)
    cmake_parse_arguments(TEST "" "LABEL;TIMEOUT" "SOURCES;LINKS" ${ARGN})
    if(NOT TEST_TIMEOUT)
        set(TEST_TIMEOUT 60)
    endif()
    add_executable(${name} ${TEST_SOURCES})
    set_target_properties(${name} PROPERTIES AUTOMOC ON)
    target_link_libraries(${name} PRIVATE ${TEST_LINKS} Qt6::Test poolscope_flags)
    target_include_directories(${name} PRIVATE "${CMAKE_SOURCE_DIR}")
    if(POOLSCOPE_SANITIZE MATCHES address)
        target_compile_options(${name} PRIVATE -O0) # halves the time that gcc takes for them
    endif()
    add_test(NAME ${name} COMMAND ${name})
    set_tests_properties(${name} PROPERTIES LABELS "${TEST_LABEL}" TIMEOUT ${TEST_TIMEOUT}
        ENVIRONMENT "QT_QPA_PLATFORM=offscreen;XDG_RUNTIME_DIR=${CMAKE_BINARY_DIR};LC_ALL=C.UTF-8;TZ=UTC")
endfunction()
