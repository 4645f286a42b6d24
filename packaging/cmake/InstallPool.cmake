# SPDX-License-Identifier: GPL-3.0-or-later
# The library that applications embed, as an installed package: find_package(Poolscope COMPONENTS …)
# gives Poolscope::Pool (with the agent), Poolscope::PoolSqlite, Poolscope::PoolPostgres.
#
#     cmake --install build --component pool --prefix …
#
# Nothing in it but the Apache-licensed rooms. Each library is one archive of its rooms' objects, so
# that a consumer meets no room. Where the program is built too, it is installed alone by default.
include(CMakePackageConfigHelpers)

set(poolscope_config_dir "${CMAKE_INSTALL_LIBDIR}/cmake/Poolscope")
set(poolscope_header_dir "${CMAKE_INSTALL_INCLUDEDIR}/poolscope")
set(poolscope_component COMPONENT pool)
if(POOLSCOPE_QT)
    list(APPEND poolscope_component EXCLUDE_FROM_ALL)
endif()

# poolscope_package(Pool ROOMS core_base … HEADERS_OF core_base … [HEADERS …] LINKS …)
function(poolscope_package component)
    cmake_parse_arguments(PACKAGE "" "" "ROOMS;HEADERS_OF;HEADERS;LINKS" ${ARGN})
    string(REGEX REPLACE "([a-z])([A-Z])" "\\1_\\2" target "poolscope_${component}")
    string(TOLOWER "${target}" target)
    set(headers ${PACKAGE_HEADERS})
    foreach(room IN LISTS PACKAGE_HEADERS_OF)
        get_target_property(files poolscope_${room} HEADER_SET)
        get_target_property(folder poolscope_${room} SOURCE_DIR)
        foreach(file IN LISTS files)
            cmake_path(ABSOLUTE_PATH file BASE_DIRECTORY "${folder}")
            list(APPEND headers "${file}")
        endforeach()
    endforeach()
    set(objects)
    foreach(room IN LISTS PACKAGE_ROOMS)
        list(APPEND objects $<TARGET_OBJECTS:poolscope_${room}>)
    endforeach()
    add_library(${target} STATIC ${objects})
    target_sources(${target} INTERFACE FILE_SET HEADERS BASE_DIRS "${CMAKE_SOURCE_DIR}"
        FILES ${headers})
    target_link_libraries(${target} INTERFACE ${PACKAGE_LINKS})
    target_compile_features(${target} INTERFACE cxx_std_20)
    set_target_properties(${target} PROPERTIES EXPORT_NAME ${component} LINKER_LANGUAGE CXX
        VERIFY_INTERFACE_HEADER_SETS OFF) # the rooms' own are
    install(TARGETS ${target} EXPORT Poolscope${component}
        ARCHIVE DESTINATION "${CMAKE_INSTALL_LIBDIR}" ${poolscope_component}
        FILE_SET HEADERS DESTINATION "${poolscope_header_dir}" ${poolscope_component})
    install(EXPORT Poolscope${component} NAMESPACE Poolscope:: FILE Poolscope${component}.cmake
        DESTINATION "${poolscope_config_dir}" ${poolscope_component})
endfunction()

# How the agent and its wire work inside is nobody's business: agent.h is all of them.
poolscope_package(Pool
    ROOMS core_base core_stack core_stack_symbols core_event core_leak core_pool core_wire core_agent
    HEADERS_OF core_base core_stack core_stack_symbols core_event core_leak core_pool
    HEADERS "${CMAKE_SOURCE_DIR}/core/agent/agent.h"
    LINKS Threads::Threads $<LINK_ONLY:${CMAKE_DL_LIBS}>
        $<INSTALL_INTERFACE:$<LINK_ONLY:Poolscope::libdw>>)
poolscope_package(PoolSqlite ROOMS core_pool_sqlite HEADERS_OF core_pool_sqlite
    LINKS poolscope_pool $<INSTALL_INTERFACE:$<LINK_ONLY:SQLite::SQLite3>>)
if(TARGET poolscope_core_pool_postgres)
    poolscope_package(PoolPostgres ROOMS core_pool_postgres HEADERS_OF core_pool_postgres
        LINKS poolscope_pool $<INSTALL_INTERFACE:$<LINK_ONLY:PostgreSQL::PostgreSQL>>)
endif()

configure_package_config_file("${CMAKE_CURRENT_LIST_DIR}/PoolscopeConfig.cmake.in"
    "${CMAKE_BINARY_DIR}/PoolscopeConfig.cmake" INSTALL_DESTINATION "${poolscope_config_dir}")
# Until 1.0 another minor version may break.
write_basic_package_version_file("${CMAKE_BINARY_DIR}/PoolscopeConfigVersion.cmake"
    COMPATIBILITY SameMinorVersion)
install(FILES "${CMAKE_BINARY_DIR}/PoolscopeConfig.cmake"
    "${CMAKE_BINARY_DIR}/PoolscopeConfigVersion.cmake"
    DESTINATION "${poolscope_config_dir}" ${poolscope_component})
install(FILES "${CMAKE_SOURCE_DIR}/LICENSES/Apache-2.0.txt"
    DESTINATION "${CMAKE_INSTALL_DATADIR}/doc/poolscope-pool" ${poolscope_component})
