# SPDX-License-Identifier: Apache-2.0
# How Braid's own code is compiled: target braid_options, and the flags that all objects share.

set(CMAKE_CXX_STANDARD 23)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/bin)
set(CMAKE_POSITION_INDEPENDENT_CODE ON)
# A floor compiles without waiting for the floors below it; only links wait.
set(CMAKE_OPTIMIZE_DEPENDENCIES ON)

# Line numbers suffice for stack traces (-g1) and keep links quick. No NDEBUG: checks stay on.
set(CMAKE_CXX_FLAGS_DEBUG "-Og -g1 -D_GLIBCXX_ASSERTIONS")
set(CMAKE_CXX_FLAGS_RELWITHDEBINFO "-O3 -g1")

# Batch and speed must give the same bits: no fused multiply-add, never -ffast-math.
add_compile_options(-march=x86-64-v3 -ffp-contract=off -fno-omit-frame-pointer)
add_link_options(-fuse-ld=mold)

set(BRAID_SANITIZE "" CACHE STRING "sanitizers, as for -fsanitize")
set(BRAID_LIBFUZZER OFF CACHE BOOL "link fuzzers with clang's libFuzzer")
if(BRAID_SANITIZE)
    add_compile_options(-fsanitize=${BRAID_SANITIZE} -fno-sanitize-recover=all)
    add_link_options(-fsanitize=${BRAID_SANITIZE})
endif()
if(BRAID_LIBFUZZER)
    add_compile_options(-fsanitize=fuzzer-no-link)
endif()

add_library(braid_options INTERFACE)
target_include_directories(braid_options INTERFACE ${CMAKE_SOURCE_DIR}/src)
target_compile_options(braid_options INTERFACE
    -Wall -Wextra -Wconversion -Wno-sign-conversion -Wnon-virtual-dtor -Woverloaded-virtual -Werror
    -Wno-missing-field-initializers)  # a designated initialiser leaves out fields on purpose
if(CMAKE_CXX_COMPILER_ID STREQUAL GNU)
    target_compile_options(braid_options INTERFACE
        -Wno-restrict  # g++ 12 sees ghosts inside std::string (its bug 105329)
        -Wno-maybe-uninitialized  # and inside std::optional and std::expected
        -Wno-error=array-bounds -Wno-error=stringop-overflow -Wno-error=stringop-overread
        -Wno-error=dangling-pointer -Wno-error=free-nonheap-object)
endif()

# One cache for every build folder of this tree: paths below it are made relative first.
find_program(BRAID_CCACHE ccache)
if(BRAID_CCACHE AND NOT CMAKE_CXX_COMPILER_LAUNCHER)
    set(CMAKE_CXX_COMPILER_LAUNCHER
        env CCACHE_BASEDIR=${CMAKE_SOURCE_DIR} CCACHE_NOHASHDIR=1 ${BRAID_CCACHE})
endif()
