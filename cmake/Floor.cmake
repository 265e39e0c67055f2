# SPDX-License-Identifier: Apache-2.0
# A floor is a folder under src/ is a library. Its one line
#
#     braid_floor(NAME MAY lower floors THIRD_PARTY libraries ROOMS folders)
#
# is the single source of what it may include: the build links no more, and tools/floors.py reads
# the same lines out of <build>/floors.txt. ROOMS are the folders in it, `.` for its own files: each
# may include itself and those before it. From the folder's sources come
#
#     braid_NAME                every .cc without one of the endings below
#     braid_NAME_test_support   *test_support.cc: what tests of this floor and above share
#     NAME_test                 *_test.cc, one test of the label `fast`
#     NAME_bench                *_bench.cc, built on demand
#     <file>                    each *_fuzz.cc; it replays its corpus as a test of the label `fast`
#     links_NAME                the whole library linked with nothing but its row (`floor_links`)
#     NAME_headers              each header compiled alone (`verify_headers`)

add_custom_target(floor_links)
add_custom_target(verify_headers)
add_custom_target(benches)

function(braid_floors)
    file(WRITE ${CMAKE_BINARY_DIR}/floors.txt "")
    foreach(name IN LISTS ARGN)
        add_subdirectory(src/${name})
    endforeach()
endfunction()

function(braid_floor name)
    cmake_parse_arguments(PARSE_ARGV 1 row "" "" "MAY;THIRD_PARTY;ROOMS")
    string(JOIN " " may ${row_MAY})
    string(JOIN " " libraries ${row_THIRD_PARTY})
    string(JOIN " " rooms ${row_ROOMS})
    file(APPEND ${CMAKE_BINARY_DIR}/floors.txt "${name} | ${may} | ${libraries} | ${rooms}\n")

    set(links "")
    set(support GTest::gtest GTest::gmock)
    foreach(floor IN LISTS row_MAY)
        if(NOT TARGET braid_${floor})
            message(FATAL_ERROR "floor ${name} may not stand on ${floor}: it is no lower floor")
        endif()
        list(APPEND links braid_${floor})
        list(APPEND support braid_${floor}_test_support)
    endforeach()
    foreach(library IN LISTS row_THIRD_PARTY)
        if(NOT TARGET third_party_${library})
            message(FATAL_ERROR "floor ${name}: unknown third party ${library}")
        endif()
        list(APPEND links third_party_${library})
    endforeach()

    file(GLOB_RECURSE headers CONFIGURE_DEPENDS *.h)
    file(GLOB_RECURSE sources CONFIGURE_DEPENDS *.cc)
    list(FILTER sources EXCLUDE REGEX "/main\\.cc$")
    foreach(kind IN ITEMS test bench fuzz test_support)
        set(${kind}_sources ${sources})
        list(FILTER ${kind}_sources INCLUDE REGEX "[/_]${kind}\\.cc$")
        list(FILTER sources EXCLUDE REGEX "[/_]${kind}\\.cc$")
    endforeach()

    _braid_library(braid_${name} "${sources}" ${links})
    _braid_library(braid_${name}_test_support "${test_support_sources}" braid_${name} ${support})
    if(sources)
        _braid_link_test(${name})
    endif()
    if(headers)
        _braid_header_test(${name} "${headers}")
    endif()
    if(test_sources)
        _braid_executable(${name}_test "${test_sources}"
            braid_${name}_test_support GTest::gtest_main)
        add_test(NAME ${name}_test COMMAND ${name}_test WORKING_DIRECTORY ${CMAKE_SOURCE_DIR})
        set_tests_properties(${name}_test PROPERTIES LABELS fast TIMEOUT 180
            ENVIRONMENT "${BRAID_TEST_ENVIRONMENT}")
    endif()
    if(bench_sources)
        _braid_executable(${name}_bench "${bench_sources}" braid_${name} benchmark::benchmark_main)
        add_dependencies(benches ${name}_bench)
    endif()
    foreach(source IN LISTS fuzz_sources)
        _braid_fuzzer(${source} braid_${name})
    endforeach()
endfunction()

# Arrow and DuckDB are not instrumented: ThreadSanitizer must not judge them.
set(BRAID_TEST_ENVIRONMENT "TSAN_OPTIONS=ignore_noninstrumented_modules=1")

# A folder may still have no source: then its library is only a name for its row.
function(_braid_library target sources)
    if(sources)
        add_library(${target} STATIC ${sources})
        target_link_libraries(${target} PUBLIC ${ARGN} PRIVATE braid_options)
    else()
        add_library(${target} INTERFACE)
        target_link_libraries(${target} INTERFACE ${ARGN})
    endif()
    target_include_directories(${target} INTERFACE ${CMAKE_SOURCE_DIR}/src)
endfunction()

function(_braid_executable target sources)
    add_executable(${target} ${sources})
    target_link_libraries(${target} PRIVATE ${ARGN} braid_options)
endfunction()

function(_braid_link_test name)
    _braid_executable(links_${name} ${CMAKE_SOURCE_DIR}/cmake/empty_main.cc
        "$<LINK_LIBRARY:WHOLE_ARCHIVE,braid_${name}>")
    add_dependencies(floor_links links_${name})
    add_test(NAME links_${name} COMMAND links_${name})
    set_tests_properties(links_${name} PROPERTIES LABELS house)
endfunction()

function(_braid_header_test name headers)
    set(units "")
    foreach(header IN LISTS headers)
        cmake_path(RELATIVE_PATH header BASE_DIRECTORY ${CMAKE_SOURCE_DIR}/src)
        set(unit ${CMAKE_CURRENT_BINARY_DIR}/alone/${header}.cc)
        file(CONFIGURE OUTPUT ${unit} CONTENT "#include \"${header}\"\n")
        list(APPEND units ${unit})
    endforeach()
    add_library(${name}_headers OBJECT EXCLUDE_FROM_ALL ${units})
    target_link_libraries(${name}_headers PRIVATE braid_${name}_test_support braid_options)
    target_compile_options(${name}_headers PRIVATE -O0 -g0 -fno-sanitize=all)
    add_dependencies(verify_headers ${name}_headers)
endfunction()

# Without libFuzzer a fuzzer is a test: a small main feeds it each file of tests/corpus/<name>.
function(_braid_fuzzer source library)
    cmake_path(GET source STEM target)
    if(BRAID_LIBFUZZER)
        _braid_executable(${target} ${source} ${library} -fsanitize=fuzzer)
    else()
        _braid_executable(${target} "${source};${CMAKE_SOURCE_DIR}/cmake/replay_main.cc" ${library})
        string(REGEX REPLACE "_fuzz$" "" corpus ${target})
        add_test(NAME ${target}
            COMMAND ${target} tests/corpus/${corpus} WORKING_DIRECTORY ${CMAKE_SOURCE_DIR})
        set_tests_properties(${target} PROPERTIES LABELS fast TIMEOUT 120)
    endif()
endfunction()
