# facet::options: how every target of this project is compiled (warnings, sanitizers, visibility).
add_library(facet_options INTERFACE)
add_library(facet::options ALIAS facet_options)
target_compile_options(facet_options INTERFACE -Wall -Wextra -Wpedantic -Wshadow -Wnon-virtual-dtor -Woverloaded-virtual
    -Wconversion -Wno-sign-conversion -Wno-float-conversion -Wno-implicit-int-float-conversion -Wno-missing-field-initializers)
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
    # gcc 12 reports false positives of these inside std::variant and std::string with optimisation on.
    target_compile_options(facet_options INTERFACE -Wno-maybe-uninitialized -Wno-restrict -Wno-stringop-overflow -Wno-psabi
        $<$<CONFIG:Release>:-Wno-array-bounds>)
endif()
if(FACET_WARNINGS_AS_ERRORS)
    target_compile_options(facet_options INTERFACE -Werror)
endif()
if(FACET_SANITIZE)
    target_compile_options(facet_options INTERFACE -fsanitize=${FACET_SANITIZE} -fno-omit-frame-pointer -fno-sanitize-recover=undefined)
    target_link_options(facet_options INTERFACE -fsanitize=${FACET_SANITIZE})
endif()
find_program(FACET_LLD ld.lld)

# facet_library(NAME SOURCES.. ): a static library facet_NAME with alias facet::NAME under the project's options.
function(facet_library name)
    cmake_parse_arguments(ARG "" "" "SOURCES;PUBLIC;PRIVATE" ${ARGN})
    add_library(facet_${name} STATIC ${ARG_SOURCES})
    add_library(facet::${name} ALIAS facet_${name})
    set_target_properties(facet_${name} PROPERTIES EXPORT_NAME ${name})
    target_link_libraries(facet_${name} PUBLIC ${ARG_PUBLIC} PRIVATE $<BUILD_INTERFACE:facet::options> ${ARG_PRIVATE})
endfunction()

# facet_test(NAME LABELS.. SOURCES.. LIBRARIES..): a doctest executable, run once by ctest.
# Environment for every test: FACET_FIXTURES (tests/fixtures), FACET_RESOURCES (resources), FACET_TUNE=off (what was measured on
# this machine neither helps nor changes).
function(facet_test name)
    cmake_parse_arguments(ARG "" "TIMEOUT" "LABELS;SOURCES;LIBRARIES;ENVIRONMENT;ARGUMENTS" ${ARGN})
    add_executable(${name} ${ARG_SOURCES})
    target_link_libraries(${name} PRIVATE facet::options facet_test_main ${ARG_LIBRARIES})
    add_test(NAME ${name} COMMAND ${name} ${ARG_ARGUMENTS})
    if(NOT ARG_TIMEOUT)
        set(ARG_TIMEOUT 300)
    endif()
    set_tests_properties(${name} PROPERTIES LABELS "${ARG_LABELS}" TIMEOUT ${ARG_TIMEOUT} ENVIRONMENT
        "FACET_FIXTURES=${PROJECT_SOURCE_DIR}/tests/fixtures;FACET_RESOURCES=${PROJECT_SOURCE_DIR}/resources;FACET_BIN=${CMAKE_BINARY_DIR}/bin;FACET_TUNE=off;QT_QPA_PLATFORM=offscreen;${ARG_ENVIRONMENT}")
endfunction()

# facet_fuzzer(NAME SOURCE LIBRARIES..): with FACET_BUILD_FUZZERS a libFuzzer program; always a test that replays
# tests/fuzz/corpus/NAME (every file must be survived).
function(facet_fuzzer name)
    cmake_parse_arguments(ARG "" "SOURCE" "LIBRARIES" ${ARGN})
    if(FACET_BUILD_FUZZERS)
        add_executable(fuzz_${name} ${ARG_SOURCE})
        target_compile_options(fuzz_${name} PRIVATE -fsanitize=fuzzer)
        target_link_options(fuzz_${name} PRIVATE -fsanitize=fuzzer)
        target_link_libraries(fuzz_${name} PRIVATE facet::options ${ARG_LIBRARIES})
    endif()
    if(FACET_BUILD_TESTS)
        add_executable(replay_${name} ${ARG_SOURCE} ${PROJECT_SOURCE_DIR}/tests/fuzz/replay_main.cpp)
        target_link_libraries(replay_${name} PRIVATE facet::options ${ARG_LIBRARIES})
        add_test(NAME replay_${name} COMMAND replay_${name} ${PROJECT_SOURCE_DIR}/tests/fuzz/corpus/${name})
        set_tests_properties(replay_${name} PROPERTIES LABELS "fuzz" TIMEOUT 120)
    endif()
endfunction()
