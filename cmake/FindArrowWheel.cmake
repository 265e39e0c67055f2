# SPDX-License-Identifier: Apache-2.0
# Arrow C++ as it lies in third_party/arrow, unpacked from a Python wheel: ArrowWheel::arrow,
# ::compute and ::parquet. The wheel has neither a CMake package nor unversioned library names.

set(_root ${CMAKE_SOURCE_DIR}/third_party/arrow)
set(_config ${_root}/include/arrow/util/config.h)
if(EXISTS ${_config})
    file(STRINGS ${_config} _line REGEX "define ARROW_VERSION_STRING")
    string(REGEX REPLACE ".*\"(.*)\".*" "\\1" ArrowWheel_VERSION "${_line}")
    file(STRINGS ${_config} _line REGEX "define ARROW_SO_VERSION")
    string(REGEX REPLACE ".*\"(.*)\".*" "\\1" _so "${_line}")
endif()

include(FindPackageHandleStandardArgs)
find_package_handle_standard_args(ArrowWheel
    REQUIRED_VARS _so VERSION_VAR ArrowWheel_VERSION REASON_FAILURE_MESSAGE "run ./dev setup")

function(_arrow_library name file)
    add_library(ArrowWheel::${name} SHARED IMPORTED GLOBAL)
    set_target_properties(ArrowWheel::${name} PROPERTIES
        IMPORTED_LOCATION ${_root}/lib/lib${file}.so.${_so}
        IMPORTED_SONAME lib${file}.so.${_so}
        INTERFACE_INCLUDE_DIRECTORIES ${_root}/include
        INTERFACE_LINK_LIBRARIES "${ARGN}")
endfunction()

if(ArrowWheel_FOUND AND NOT TARGET ArrowWheel::arrow)
    _arrow_library(arrow arrow)
    _arrow_library(compute arrow_compute ArrowWheel::arrow)
    _arrow_library(parquet parquet ArrowWheel::arrow)
endif()
