# SPDX-License-Identifier: GPL-3.0-or-later
# Tests. All of a room stand in one program, tests_ROOM NAME [Qt Test's arguments], and are compiled half
# a dozen at a time, each in a namespace of its own: to instantiate the same containers and variants again
# for each was most of the time that a build took.

# What nearly every test includes, compiled once for all of them. Tests still name what they need. gcc
# takes it where all is defined that was defined for it, so that it is given the least: folders to look
# in, but nothing that Qt's modules define. Hence no <QTest>, which differs with what a test links.
function(poolscope_test_headers)
    set(headers <algorithm> <array> <atomic> <chrono> <cstdint> <filesystem> <functional> <map>
        <memory> <mutex> <optional> <random> <set> <string> <string_view> <thread> <unordered_map>
        <utility> <variant> <vector>
        <QCoreApplication> <QDir> <QFile> <QJsonDocument> <QJsonObject> <QProcess> <QString>
        <QTemporaryDir> <QTimer> <QVariant>)
    if(POOLSCOPE_GUI)
        list(APPEND headers <QAction> <QApplication> <QLabel> <QLineEdit> <QPushButton> <QTableView>
            <QToolButton> <QTreeView> <QWidget>)
        list(APPEND modules Gui Widgets)
    endif()
    file(CONFIGURE OUTPUT "${CMAKE_BINARY_DIR}/test_headers.cpp" CONTENT "int main() {}\n")
    add_executable(poolscope_test_headers EXCLUDE_FROM_ALL "${CMAKE_BINARY_DIR}/test_headers.cpp")
    foreach(module IN LISTS modules)
        target_include_directories(poolscope_test_headers SYSTEM PRIVATE
            $<TARGET_PROPERTY:Qt6::${module},INTERFACE_INCLUDE_DIRECTORIES>)
    endforeach()
    target_link_libraries(poolscope_test_headers PRIVATE Qt6::Core poolscope_flags)
    poolscope_test_options(poolscope_test_headers unit)
    target_precompile_headers(poolscope_test_headers PRIVATE ${headers})
endfunction()

function(poolscope_test_options target label)
    set_target_properties(${target} PROPERTIES AUTOMOC OFF AUTOUIC OFF AUTORCC OFF)
    target_include_directories(${target} PRIVATE "${CMAKE_SOURCE_DIR}")
    target_include_directories(${target} BEFORE PRIVATE "${CMAKE_SOURCE_DIR}/tests/support/patient")
    # gcc 12 is wrong about the bounds of strings that it builds in place (gcc bugs 105329, 105651).
    target_compile_options(${target} PRIVATE
        "$<$<CXX_COMPILER_ID:GNU>:-Wno-array-bounds;-Wno-stringop-overflow;-Wno-stringop-overread;-Wno-restrict>")
    # Halves the time that gcc takes for them, and keeps the frame pointers that stacks are walked by.
    # Threads are to meet in them as often as they can.
    if(NOT label STREQUAL bench AND NOT POOLSCOPE_SANITIZE MATCHES thread)
        target_compile_options(${target} PRIVATE -O0)
    endif()
endfunction()

# What a test's program has beside its tests.
function(poolscope_test_program target label)
    poolscope_test_options(${target} ${label})
    target_link_libraries(${target} PRIVATE poolscope_tests_places Qt6::Test poolscope_flags)
    if(POOLSCOPE_GUI AND POOLSCOPE_SANITIZE MATCHES undefined)
        # Its checks of types name what the shared headers declare, also in a test without widgets.
        target_link_libraries(${target} PRIVATE $<LINK_ONLY:Qt6::Widgets>)
    endif()
    if(NOT label STREQUAL bench) # gcc takes it for what is optimised alike
        target_precompile_headers(${target} REUSE_FROM poolscope_test_headers)
        target_compile_options(${target} PRIVATE $<$<CXX_COMPILER_ID:GNU>:-fpch-preprocess>) # for ccache
    endif()
endfunction()

# What moc makes of SOURCES, in RESULT: a test includes its tst_x.moc; what comes of a header with a
# Q_OBJECT is compiled. Without AUTOMOC, which takes a second of each target.
function(poolscope_test_mocs result)
    set(mocs)
    foreach(source IN LISTS ARGN)
        cmake_path(ABSOLUTE_PATH source NORMALIZE)
        cmake_path(GET source STEM name)
        if(name MATCHES "^(tst|bench)_")
            set(moc "${CMAKE_CURRENT_BINARY_DIR}/${name}.moc")
            set(how -i --no-warnings) # some benchmarks have no class of Qt's
        elseif(source MATCHES "\\.h$")
            set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS "${source}")
            file(STRINGS "${source}" objects REGEX "^ *Q_OBJECT$")
            if(NOT objects)
                continue()
            endif()
            set(moc "${CMAKE_CURRENT_BINARY_DIR}/moc_${name}.cpp")
            cmake_path(RELATIVE_PATH source BASE_DIRECTORY "${CMAKE_SOURCE_DIR}" OUTPUT_VARIABLE included)
            set(how -f "${included}")
        else()
            continue()
        endif()
        list(APPEND mocs "${moc}")
        get_source_file_property(made "${moc}" GENERATED)
        if(NOT made)
            add_custom_command(OUTPUT "${moc}" DEPENDS "${source}" VERBATIM
                COMMAND Qt6::moc ${how} -o "${moc}" "${source}")
        endif()
    endforeach()
    set(${result} ${mocs} PARENT_SCOPE)
endfunction()

# poolscope_test(tst_name LABEL unit SOURCES tst_name.cpp … LINKS … [TIMEOUT s] [NEEDS target …] [ALONE])
# NEEDS: what it starts. ALONE: a program of its own, for what changes the whole program or has a main.
function(poolscope_test name)
    cmake_parse_arguments(TEST "ALONE" "LABEL;TIMEOUT" "SOURCES;LINKS;NEEDS" ${ARGN})
    if(NOT TEST_TIMEOUT)
        set(TEST_TIMEOUT 60)
    endif()
    if(POOLSCOPE_SANITIZE)
        math(EXPR TEST_TIMEOUT "${TEST_TIMEOUT} * 3") # they are that much slower
    endif()
    if(TEST_ALONE OR TEST_LABEL STREQUAL bench)
        poolscope_test_mocs(mocs ${TEST_SOURCES})
        add_executable(${name} ${TEST_SOURCES} ${mocs})
        target_include_directories(${name} PRIVATE "${CMAKE_CURRENT_BINARY_DIR}")
        target_link_libraries(${name} PRIVATE ${TEST_LINKS})
        poolscope_test_program(${name} ${TEST_LABEL})
        if(TEST_NEEDS)
            add_dependencies(${name} ${TEST_NEEDS})
        endif()
        add_test(NAME ${name} COMMAND ${name})
    else()
        cmake_path(GET CMAKE_CURRENT_SOURCE_DIR FILENAME room)
        get_property(tests DIRECTORY PROPERTY poolscope_tests)
        if(NOT tests)
            cmake_language(DEFER CALL poolscope_tests_of_room)
        endif()
        list(POP_FRONT TEST_SOURCES) # its own
        set_property(DIRECTORY APPEND PROPERTY poolscope_tests ${name})
        set_property(DIRECTORY APPEND PROPERTY poolscope_tests_sources ${TEST_SOURCES})
        set_property(DIRECTORY APPEND PROPERTY poolscope_tests_links ${TEST_LINKS})
        set_property(DIRECTORY APPEND PROPERTY poolscope_tests_needs ${TEST_NEEDS})
        add_test(NAME ${name} COMMAND tests_${room} ${name})
    endif()
    set_tests_properties(${name} PROPERTIES LABELS "${TEST_LABEL}" TIMEOUT ${TEST_TIMEOUT}
        ENVIRONMENT "QT_QPA_PLATFORM=offscreen;XDG_RUNTIME_DIR=${CMAKE_BINARY_DIR};LC_ALL=C.UTF-8;TZ=UTC")
endfunction()

# All tests of a room, once they are named.
function(poolscope_tests_of_room)
    cmake_path(GET CMAKE_CURRENT_SOURCE_DIR FILENAME room)
    set(target tests_${room})
    get_property(tests DIRECTORY PROPERTY poolscope_tests)
    foreach(part IN ITEMS sources links needs)
        get_property(${part} DIRECTORY PROPERTY poolscope_tests_${part})
        list(REMOVE_DUPLICATES ${part})
    endforeach()
    set(own ${tests})
    list(TRANSFORM own APPEND .cpp)
    poolscope_test_mocs(own_mocs ${own})
    poolscope_test_mocs(mocs ${sources})

    set(declared)
    set(listed)
    foreach(test IN LISTS tests)
        string(APPEND declared "namespace ${test} { int main(int, char**); }\n")
        string(APPEND listed "        {\"${test}\", ${test}::main},\n")
    endforeach()
    file(CONFIGURE OUTPUT ${target}.cpp @ONLY CONTENT [[
#include "tests/support/runtest.h"
@declared@
int main(int count, char** arguments)
{
    return poolscope::test::run_test({
@listed@    }, count, arguments);
}
]])
    set(batches)
    while(tests)
        list(SUBLIST tests 0 6 some)
        list(REMOVE_ITEM tests ${some})
        list(LENGTH batches number)
        set(batch "${CMAKE_CURRENT_BINARY_DIR}/${target}_${number}.cpp")
        set(files ${some})
        list(TRANSFORM files PREPEND "${CMAKE_CURRENT_SOURCE_DIR}/")
        list(TRANSFORM files APPEND .cpp)
        add_custom_command(OUTPUT "${batch}" VERBATIM
            DEPENDS ${files} "${CMAKE_SOURCE_DIR}/packaging/cmake/TestBatch.cmake"
            COMMAND "${CMAKE_COMMAND}" "-DROOT=${CMAKE_SOURCE_DIR}" "-DOUTPUT=${batch}" "-DTESTS=${files}"
                -P "${CMAKE_SOURCE_DIR}/packaging/cmake/TestBatch.cmake")
        set_source_files_properties("${batch}" PROPERTIES OBJECT_DEPENDS "${own_mocs}")
        list(APPEND batches "${batch}")
    endwhile()
    add_executable(${target} "${CMAKE_CURRENT_BINARY_DIR}/${target}.cpp" ${batches} ${sources} ${mocs})
    target_include_directories(${target} PRIVATE "${CMAKE_CURRENT_BINARY_DIR}")
    target_link_libraries(${target} PRIVATE poolscope_tests_run ${links})
    poolscope_test_program(${target} unit)
    if(needs)
        add_dependencies(${target} ${needs})
    endif()
endfunction()
