# SPDX-License-Identifier: GPL-3.0-or-later
# cmake -DROOT=… -DOUTPUT=… "-DTESTS=a.cpp;b.cpp" -P: writes a source that holds several tests, each in a
# namespace that is named after it. What they include comes before, at its own place: where they include
# it once more, in their namespace, nothing is left of it.
cmake_minimum_required(VERSION 3.25)
set(includes)
set(bodies)
foreach(test IN LISTS TESTS)
    file(STRINGS "${test}" lines REGEX "^#include [<\"]")
    foreach(line IN LISTS lines)
        if(NOT line MATCHES "\\.moc\"")
            list(APPEND includes "${line}")
        endif()
    endforeach()
    cmake_path(GET test STEM name)
    cmake_path(RELATIVE_PATH test BASE_DIRECTORY "${ROOT}" OUTPUT_VARIABLE path)
    string(APPEND bodies "\nnamespace ${name} {\n#include \"${path}\"\n}\n")
endforeach()
list(REMOVE_DUPLICATES includes)
list(JOIN includes "\n" includes)
file(CONFIGURE OUTPUT "${OUTPUT}" CONTENT "@includes@\n@bodies@" @ONLY)
