# SPDX-License-Identifier: GPL-3.0-or-later
# A room is one static library, named after its folder (core/base -> poolscope_core_base).
# Headers are included by room ("core/base/time.h"), so that one grep proves the order of the rooms,
# and every header is compiled alone: by its source, or by the target
# all_verify_interface_header_sets.

set(CMAKE_CXX_STANDARD 20)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_POSITION_INDEPENDENT_CODE ON)
set(CMAKE_VERIFY_INTERFACE_HEADER_SETS ON)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)
set(CMAKE_GLOBAL_AUTOGEN_TARGET ON) # clang-tidy needs what moc writes, and nothing else
set(CMAKE_AUTOGEN_ORIGIN_DEPENDS OFF) # moc reads nothing that other targets write
# With the compiler's predefines moc 6.4 reads the standard library as C++20 and stumbles over it.
set(CMAKE_AUTOMOC_COMPILER_PREDEFINES OFF)
set(CMAKE_AUTOMOC_MOC_OPTIONS --include "${CMAKE_SOURCE_DIR}/packaging/cmake/mocfirst.h")

find_program(POOLSCOPE_CCACHE ccache)
if(POOLSCOPE_CCACHE AND NOT CMAKE_CXX_COMPILER_LAUNCHER)
    # Paths relative to the source tree, so that one clone finds what another has compiled.
    set(CMAKE_CXX_COMPILER_LAUNCHER "${CMAKE_COMMAND}" -E env
        "CCACHE_BASEDIR=${CMAKE_SOURCE_DIR}" CCACHE_NOHASHDIR=1
        CCACHE_SLOPPINESS=pch_defines,time_macros "${POOLSCOPE_CCACHE}")
endif()
find_program(POOLSCOPE_LLD ld.lld)
if(POOLSCOPE_LLD)
    add_link_options(-fuse-ld=lld)
endif()

# Several sources of a room at once, for a build whose only aim is its result. CI compiles them one by
# one, too (preset alone), so that each source names what it needs.
option(POOLSCOPE_UNITY "Compile a room's sources a dozen at a time: a third of the time" OFF)

# gcc 12 warns of uninitialised strings inside std::variant, and of overlapping copies inside its own
# std::string, wrongly, once it optimises (gcc bugs 105562, 105651).
add_library(poolscope_flags INTERFACE)
target_compile_options(poolscope_flags INTERFACE
    -Wall -Wextra -Wpedantic -Wconversion -Wshadow -Wno-sign-conversion
    $<$<CXX_COMPILER_ID:GNU>:-Wno-maybe-uninitialized>
    $<$<AND:$<CXX_COMPILER_ID:GNU>,$<CONFIG:Release>>:-Wno-restrict>
    # What a dozen sources together only seem to do to each other.
    $<$<BOOL:${POOLSCOPE_UNITY}>:-Wno-shadow>
    $<$<AND:$<CXX_COMPILER_ID:GNU>,$<BOOL:${POOLSCOPE_UNITY}>>:-Wno-subobject-linkage>
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
    # Of a header with a source of its own that source proves that it compiles alone: it includes it
    # first (tests/arch/rooms.py). Here the others.
    set(lone ${ROOM_HEADERS})
    foreach(header IN LISTS ROOM_HEADERS)
        string(REGEX REPLACE "\\.h$" ".cpp" source "${header}")
        if("${source}" IN_LIST ROOM_SOURCES)
            list(REMOVE_ITEM lone "${header}")
        endif()
    endforeach()
    if(lone)
        target_sources(${name} INTERFACE FILE_SET lone TYPE HEADERS BASE_DIRS "${CMAKE_SOURCE_DIR}"
            FILES ${lone})
        set_target_properties(${name} PROPERTIES INTERFACE_HEADER_SETS_TO_VERIFY lone)
    else()
        set_target_properties(${name} PROPERTIES VERIFY_INTERFACE_HEADER_SETS OFF)
    endif()
    target_link_libraries(${name} PUBLIC ${ROOM_LINKS} PRIVATE poolscope_flags)
    set_target_properties(${name} PROPERTIES UNITY_BUILD ${POOLSCOPE_UNITY}
        UNITY_BUILD_BATCH_SIZE 12)
    if(ROOM_QT)
        set_target_properties(${name} PROPERTIES AUTOMOC ON)
    else()
        set_target_properties(${name} PROPERTIES AUTOMOC OFF AUTOUIC OFF AUTORCC OFF)
    endif()
endfunction()
