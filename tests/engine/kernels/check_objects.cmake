# Objects compiled for a newer instruction set must not define anything that the linker could pick for the baseline
# program: no weak or unique symbols (inline functions, templates of the standard library).
#     cmake -DNM=nm -DOBJECTS="a.o;b.o" -P check_objects.cmake
foreach(object IN LISTS OBJECTS)
    if(NOT object MATCHES "(avx2|avx512)[.]cpp")
        continue()
    endif()
    execute_process(COMMAND "${NM}" "${object}" OUTPUT_VARIABLE symbols RESULT_VARIABLE failed)
    if(failed)
        message(FATAL_ERROR "${NM} cannot read ${object}")
    endif()
    if(NOT symbols MATCHES "kAvx")
        message(FATAL_ERROR "${object} does not hold its table: has the check gone stale?")
    endif()
    string(REGEX MATCHALL "[^\n]* [WVu] [^\n]*" shared "${symbols}")
    if(shared)
        message(FATAL_ERROR "${object} defines symbols that the baseline program might run: ${shared}")
    endif()
endforeach()
