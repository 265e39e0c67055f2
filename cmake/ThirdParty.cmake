# SPDX-License-Identifier: Apache-2.0
# What Braid stands on. Each library gets one short name, and braid_floor(… THIRD_PARTY name …)
# links the target third_party_<name>. All headers are system headers to our warnings.

set(_third ${CMAKE_SOURCE_DIR}/third_party)
foreach(_step IN ITEMS "arrow requirements-arrow.txt" "npm npm/package-lock.json")
    separate_arguments(_step)
    list(GET _step 0 _name)
    list(GET _step 1 _file)
    file(SHA256 ${CMAKE_SOURCE_DIR}/tools/setup/${_file} _want)
    set(_have "")
    if(EXISTS ${_third}/.stamps/${_name})
        file(READ ${_third}/.stamps/${_name} _have)
    endif()
    if(NOT _have STREQUAL _want)
        message(FATAL_ERROR "third_party is not what ${_file} asks for: run ./dev setup")
    endif()
endforeach()

find_package(Threads REQUIRED)
find_package(PkgConfig REQUIRED)
find_package(ArrowWheel 26.0.1 EXACT REQUIRED)
find_package(absl REQUIRED)
find_package(benchmark REQUIRED)
find_package(Boost 1.81 REQUIRED)
find_package(CLI11 REQUIRED)
find_package(fmt 9.1 REQUIRED)
find_package(GTest REQUIRED)
find_package(simdjson 3.0.1 REQUIRED)
find_package(tomlplusplus REQUIRED)
find_package(yaml-cpp REQUIRED)
foreach(_module IN ITEMS re2 libhs libmaxminddb libxxhash libzstd)
    pkg_check_modules(${_module} REQUIRED IMPORTED_TARGET ${_module})
endforeach()
find_library(PG_QUERY_LIBRARY pg_query REQUIRED)
# Arrow's libparquet exports a simdjson of its own, of another version. Whichever library a program
# names first wins, so ours is named before everything else.
find_library(SIMDJSON_LIBRARY simdjson REQUIRED)
add_link_options(
    LINKER:--push-state,--no-as-needed ${SIMDJSON_LIBRARY} LINKER:--pop-state)

add_library(DuckDB SHARED IMPORTED GLOBAL)
set_target_properties(DuckDB PROPERTIES
    IMPORTED_LOCATION ${_third}/npm/node_modules/@duckdb/node-bindings-linux-x64/libduckdb.so
    IMPORTED_SONAME libduckdb.so
    INTERFACE_INCLUDE_DIRECTORIES ${_third}/duckdb)

# third_party(NAME TARGET…)
function(third_party name)
    add_library(third_party_${name} INTERFACE)
    target_link_libraries(third_party_${name} INTERFACE ${ARGN})
endfunction()

third_party(absl absl::time absl::flat_hash_map absl::flat_hash_set absl::strings)
third_party(arrow ArrowWheel::arrow ArrowWheel::compute)
third_party(boost Boost::headers Threads::Threads)
third_party(cli11 CLI11::CLI11)
third_party(duckdb DuckDB)
third_party(fmt fmt::fmt)
third_party(hyperscan PkgConfig::libhs)
third_party(maxminddb PkgConfig::libmaxminddb)
third_party(parquet ArrowWheel::parquet)
third_party(pg_query ${PG_QUERY_LIBRARY})
third_party(re2 PkgConfig::re2)
third_party(simdjson simdjson::simdjson)
third_party(tomlplusplus tomlplusplus::tomlplusplus)
third_party(xxhash PkgConfig::libxxhash)
third_party(yaml_cpp yaml-cpp)
third_party(zstd PkgConfig::libzstd)
