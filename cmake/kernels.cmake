# The convolution kernels, compiled once per instruction set; the program chooses one at run time.
target_sources(hsconas_core PRIVATE src/kernels/conv_chain.cpp src/kernels/conv_generic.cpp
  src/kernels/conv_kernels.cpp src/kernels/norm_factors.cpp src/kernels/workspace.cpp)
# Under sanitizers, -O3 would take a third of the time of the whole build.
set(kernel_optimisation -O3)
if(HSCONAS_SANITIZE)
  set(kernel_optimisation -O1)
endif()
set(kernel_flags ${kernel_optimisation} -ffp-contract=fast -fno-math-errno -fno-trapping-math)
set_source_files_properties(src/kernels/conv_generic.cpp PROPERTIES COMPILE_OPTIONS
  "${kernel_flags}")
if(CMAKE_SYSTEM_PROCESSOR MATCHES "x86_64|amd64|AMD64")
  target_sources(hsconas_core PRIVATE src/kernels/conv_avx2.cpp src/kernels/conv_avx512.cpp
    src/kernels/conv_avx512_vnni.cpp src/kernels/conv_avx512_bf16.cpp
    src/kernels/conv_avx512_amx.cpp)
  target_compile_definitions(hsconas_core PRIVATE HSCONAS_X86)
  set_source_files_properties(src/kernels/conv_avx2.cpp PROPERTIES COMPILE_OPTIONS
    "${kernel_flags};-mavx2;-mfma;-mf16c")
  # GCC 12 gives these warnings for its own headers.
  set(avx512_flags ${kernel_flags} -mavx512f -mavx512bw -mavx512vl -mfma
    $<$<CXX_COMPILER_ID:GNU>:-Wno-maybe-uninitialized> -Wno-uninitialized)
  set_source_files_properties(src/kernels/conv_avx512.cpp PROPERTIES COMPILE_OPTIONS
    "${avx512_flags}")
  set_source_files_properties(src/kernels/conv_avx512_vnni.cpp PROPERTIES COMPILE_OPTIONS
    "${avx512_flags};-mavx512vnni")
  set_source_files_properties(src/kernels/conv_avx512_bf16.cpp PROPERTIES COMPILE_OPTIONS
    "${avx512_flags};-mavx512vnni;-mavx512bf16")
  set_source_files_properties(src/kernels/conv_avx512_amx.cpp PROPERTIES COMPILE_OPTIONS
    "${avx512_flags};-mavx512vnni;-mavx512bf16;-mamx-tile;-mamx-bf16")
endif()
