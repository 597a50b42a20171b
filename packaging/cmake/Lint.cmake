# Targets `format` (rewrites) and `tidy` (reports), over the project's own sources.
find_program(FACET_CLANG_FORMAT NAMES clang-format clang-format-14 clang-format-16 clang-format-18)
find_program(FACET_RUN_TIDY NAMES run-clang-tidy run-clang-tidy-14 run-clang-tidy-16 run-clang-tidy-18)
file(GLOB_RECURSE facet_sources ${PROJECT_SOURCE_DIR}/engine/*.cpp ${PROJECT_SOURCE_DIR}/engine/*.h
    ${PROJECT_SOURCE_DIR}/media/*.cpp ${PROJECT_SOURCE_DIR}/media/*.h ${PROJECT_SOURCE_DIR}/app/*.cpp
    ${PROJECT_SOURCE_DIR}/app/*.h ${PROJECT_SOURCE_DIR}/ui/*.cpp ${PROJECT_SOURCE_DIR}/ui/*.h)
if(FACET_CLANG_FORMAT)
    add_custom_target(format COMMAND ${FACET_CLANG_FORMAT} -i ${facet_sources} VERBATIM)
endif()
if(FACET_RUN_TIDY)
    add_custom_target(tidy COMMAND ${FACET_RUN_TIDY} -quiet -p ${PROJECT_BINARY_DIR} "^${PROJECT_SOURCE_DIR}/(engine|media|app|ui)/.*cpp$" VERBATIM)
endif()
