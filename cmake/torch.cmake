# Finds LibTorch: the distribution's libtorch-dev, pip's torch, or a LibTorch zip. Torch's own CMake
# edits CMAKE_CXX_FLAGS and CMAKE_CUDA_FLAGS; only the flags that its ABI requires are kept.
set(hsconas_cxx_flags "${CMAKE_CXX_FLAGS}")
set(hsconas_cuda_flags "${CMAKE_CUDA_FLAGS}")
find_package(Torch CONFIG QUIET)
if(NOT Torch_FOUND)
  message(FATAL_ERROR "LibTorch not found: install libtorch-dev, or add a LibTorch zip's folder or "
    "pip's torch/share/cmake to -DCMAKE_PREFIX_PATH; -DHSCONAS_NN=OFF leaves out all commands that need it")
endif()
set(CMAKE_CXX_FLAGS "${hsconas_cxx_flags}")
set(CMAKE_CUDA_FLAGS "${hsconas_cuda_flags}")
message(STATUS "LibTorch ${Torch_VERSION}: ${Torch_DIR}")

# std::string must have the same layout in the whole build, including the core and its libraries.
separate_arguments(torch_flags UNIX_COMMAND "${TORCH_CXX_FLAGS}")
add_compile_options(${torch_flags})
if(TORCH_CXX_FLAGS MATCHES "_GLIBCXX_USE_CXX11_ABI=0")
  # The distribution's C++ libraries have the other layout, so they are built from source.
  set(CMAKE_DISABLE_FIND_PACKAGE_fmt ON)
  set(CMAKE_DISABLE_FIND_PACKAGE_spdlog ON)
  set(CMAKE_DISABLE_FIND_PACKAGE_Catch2 ON)
endif()

# Torch's targets are imported, so their headers are already SYSTEM headers.
add_library(hsconas_torch INTERFACE)
target_link_libraries(hsconas_torch INTERFACE ${TORCH_LIBRARIES})
# CPU builds of LibTorch contain CUDA's headers too, so the libraries are checked.
if(TARGET torch_cuda OR TORCH_CUDA_LIBRARIES)
  target_compile_definitions(hsconas_torch INTERFACE HSCONAS_TORCH_CUDA)
  if(TARGET CUDA::cudart)
    target_link_libraries(hsconas_torch INTERFACE CUDA::cudart)
  endif()
endif()

# Gloo carries the data between the processes of a run. LibTorch contains its code, but often not its
# headers, whose version need not be the same.
set(hsconas_has_gloo FALSE)
find_path(GLOO_INCLUDE_DIR gloo/context.h)
get_target_property(torch_definitions torch_cpu INTERFACE_COMPILE_DEFINITIONS)
if(NOT torch_definitions MATCHES "USE_C10D_GLOO")
  message(STATUS "Gloo: not in this LibTorch, a run can only use one process")
elseif(NOT GLOO_INCLUDE_DIR)
  message(STATUS "Gloo: its headers (libgloo-dev) are absent, a run can only use one process")
else()
  message(STATUS "Gloo: ${GLOO_INCLUDE_DIR}")
  target_include_directories(hsconas_torch SYSTEM INTERFACE ${GLOO_INCLUDE_DIR})
  target_compile_definitions(hsconas_torch INTERFACE HSCONAS_HAVE_GLOO)
  set(hsconas_has_gloo TRUE)
endif()

# NCCL carries the gradients between GPUs. LibTorch contains it; its header comes with CUDA or with
# the package of pip that torch needs.
set(hsconas_has_nccl FALSE)
if(hsconas_has_gloo AND TARGET torch_cuda)
  get_target_property(torch_cuda_definitions torch_cuda INTERFACE_COMPILE_DEFINITIONS)
  file(GLOB nccl_folders "${TORCH_INSTALL_PREFIX}/../nvidia/*/include")
  find_path(NCCL_INCLUDE_DIR nccl.h HINTS ${CUDAToolkit_INCLUDE_DIRS} ${CUDA_TOOLKIT_INCLUDE}
    ${nccl_folders} PATHS /usr/local/cuda/include)
  if(NOT torch_cuda_definitions MATCHES "USE_C10D_NCCL")
    message(STATUS "NCCL: not in this LibTorch, processes exchange gradients through the host")
  elseif(NOT NCCL_INCLUDE_DIR)
    message(STATUS "NCCL: nccl.h is absent, processes exchange gradients through the host")
  else()
    message(STATUS "NCCL: ${NCCL_INCLUDE_DIR}")
    target_include_directories(hsconas_torch SYSTEM INTERFACE ${NCCL_INCLUDE_DIR})
    target_compile_definitions(hsconas_torch INTERFACE HSCONAS_HAVE_NCCL)
    set(hsconas_has_nccl TRUE)
  endif()
endif()
