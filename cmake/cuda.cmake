# The CUDA kernels: the library hsconas_cuda, built when nvcc is present. The program links it when
# LibTorch has CUDA; otherwise it is compiled with the tests, for one architecture, so that errors
# are found. Include this file before LibTorch, whose CMake enables CUDA with its own settings.
set(HSCONAS_CUDA AUTO CACHE STRING "Build the CUDA kernels: AUTO (if nvcc is found), ON or OFF")
set_property(CACHE HSCONAS_CUDA PROPERTY STRINGS AUTO ON OFF)
option(HSCONAS_CUDA_VERBOSE "Print the registers and spills of every CUDA kernel" OFF)

set(hsconas_oldest_nvcc 11.8)

# Sets hsconas_nvcc to TRUE if there is a usable nvcc, else to the reason why there is none.
function(hsconas_find_nvcc)
  if(HSCONAS_CUDA STREQUAL "AUTO" AND (HSCONAS_SANITIZE OR HSCONAS_FUZZ))
    set(hsconas_nvcc "not built under sanitizers" PARENT_SCOPE)
    return()
  endif()
  include(CheckLanguage)
  set(CMAKE_MESSAGE_LOG_LEVEL WARNING)  # A single line below reports the result.
  check_language(CUDA)
  if(NOT CMAKE_CUDA_COMPILER)
    unset(CMAKE_CUDA_COMPILER CACHE)  # So that the next configuration searches again.
    set(hsconas_nvcc "no nvcc" PARENT_SCOPE)
    return()
  endif()
  find_package(CUDAToolkit QUIET)
  if(NOT TARGET CUDA::cublasLt)
    set(hsconas_nvcc "no cuBLASLt beside ${CMAKE_CUDA_COMPILER}" PARENT_SCOPE)
  elseif(CUDAToolkit_VERSION VERSION_LESS hsconas_oldest_nvcc)
    set(hsconas_nvcc "nvcc ${CUDAToolkit_VERSION} is older than ${hsconas_oldest_nvcc}" PARENT_SCOPE)
  else()
    set(hsconas_nvcc TRUE PARENT_SCOPE)
  endif()
endfunction()

# Sets hsconas_cuda_architectures to the user's, else to those of this machine's GPUs, else to those
# of the arguments that this nvcc supports, with PTX for the newest.
function(hsconas_choose_architectures)
  if(hsconas_users_architectures)
    set(hsconas_cuda_architectures "${hsconas_users_architectures}" PARENT_SCOPE)
    return()
  endif()
  if(CMAKE_CUDA_ARCHITECTURES_NATIVE)
    set(hsconas_cuda_architectures "${CMAKE_CUDA_ARCHITECTURES_NATIVE}" PARENT_SCOPE)
    return()
  endif()
  execute_process(COMMAND ${CMAKE_CUDA_COMPILER} --list-gpu-code OUTPUT_VARIABLE known)
  set(chosen "")
  foreach(architecture ${ARGN})
    if(known MATCHES "sm_${architecture}")
      list(APPEND chosen ${architecture}-real)
      set(newest ${architecture})
    endif()
  endforeach()
  set(hsconas_cuda_architectures ${chosen} ${newest}-virtual PARENT_SCOPE)
endfunction()

set(hsconas_users_architectures "${CMAKE_CUDA_ARCHITECTURES}")
set(hsconas_nvcc "HSCONAS_CUDA is OFF")
if(HSCONAS_CUDA)
  hsconas_find_nvcc()
  if(HSCONAS_CUDA STREQUAL "ON" AND NOT hsconas_nvcc STREQUAL "TRUE")
    message(FATAL_ERROR "HSCONAS_CUDA is ON, but: ${hsconas_nvcc}; install the CUDA toolkit "
      "(${hsconas_oldest_nvcc} or newer), point CUDACXX at its nvcc, or leave HSCONAS_CUDA at AUTO")
  endif()
endif()

if(NOT hsconas_nvcc STREQUAL "TRUE")
  message(STATUS "CUDA kernels: ${hsconas_nvcc}")
else()
  if(NOT DEFINED CMAKE_CUDA_ARCHITECTURES)
    set(CMAKE_CUDA_ARCHITECTURES OFF)  # Otherwise CMake caches a default as if the user had set it.
  endif()
  enable_language(CUDA)
  if(CCACHE)
    set(CMAKE_CUDA_COMPILER_LAUNCHER ${CCACHE})
  endif()
  add_library(hsconas_cuda STATIC EXCLUDE_FROM_ALL
    src/kernels/cuda/cublas_products.cu
    src/kernels/cuda/cuda_queue.cu
    src/kernels/cuda/device_engine.cu
    src/kernels/cuda/device_engine_bf16.cu
    src/kernels/cuda/device_engine_fp16.cu
    src/kernels/cuda/device_engine_fp32.cu
    src/kernels/cuda/image_feed.cu)
  hsconas_choose_architectures(90)
  set_target_properties(hsconas_cuda PROPERTIES
    CUDA_ARCHITECTURES "${hsconas_cuda_architectures}"
    CUDA_STANDARD 17
    CUDA_STANDARD_REQUIRED ON
    CUDA_EXTENSIONS OFF
    # The target that links the library chooses between the shared and the static runtime.
    CUDA_RUNTIME_LIBRARY None
    POSITION_INDEPENDENT_CODE ON)
  target_compile_options(hsconas_cuda PUBLIC
    $<$<COMPILE_LANGUAGE:CUDA>:--expt-relaxed-constexpr>)  # Kernels call constexpr functions.
  add_library(hsconas_cuda_warnings INTERFACE)
  target_compile_options(hsconas_cuda_warnings INTERFACE
    "-Xcompiler=-Wall,-Wextra,-Wshadow,-Wconversion"
    $<$<BOOL:${HSCONAS_WERROR}>:-Werror=all-warnings>
    $<$<BOOL:${HSCONAS_CUDA_VERBOSE}>:-Xptxas=-v>)
  target_include_directories(hsconas_cuda PUBLIC include src/kernels/cuda)
  target_link_libraries(hsconas_cuda PUBLIC CUDA::cublasLt PRIVATE hsconas_cuda_warnings)
  message(STATUS "CUDA kernels: nvcc ${CMAKE_CUDA_COMPILER_VERSION}, ${CMAKE_CUDA_COMPILER}")
endif()

# Call this after LibTorch was found. If LibTorch has CUDA and the kernels are built, `target` links
# them and is compiled with HSCONAS_CUDA.
function(hsconas_use_cuda)  # TARGET...
  if(NOT TARGET torch_cuda AND NOT TORCH_CUDA_LIBRARIES)
    return()
  endif()
  if(NOT TARGET hsconas_cuda)
    message(WARNING "LibTorch has CUDA, but our CUDA kernels are not built (${hsconas_nvcc}): "
      "GPUs will run through LibTorch's operations, many times slower")
    return()
  endif()
  hsconas_choose_architectures(75 80 86 89 90)
  set_target_properties(hsconas_cuda PROPERTIES CUDA_ARCHITECTURES "${hsconas_cuda_architectures}")
  foreach(target ${ARGN})
    target_compile_definitions(${target} PUBLIC HSCONAS_CUDA)
    target_link_libraries(${target} PRIVATE hsconas_cuda CUDA::cudart)
  endforeach()
  message(STATUS "CUDA kernels: part of the program, for ${hsconas_cuda_architectures}")
endfunction()
