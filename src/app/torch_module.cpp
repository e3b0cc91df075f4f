#include <dlfcn.h>
#include <filesystem>
#include <string>
#include <system_error>

#include <fmt/format.h>

#include "hsconas/app/torch_commands.hpp"
#include "hsconas/base/error.hpp"

namespace hsconas {

namespace {

namespace fs = std::filesystem;

/// The module's file: beside the program in a build folder, otherwise where it is installed.
fs::path module_file() {
  constexpr const char* kName = "hsconas_torch.so";
  std::error_code error;
  const fs::path folder = fs::read_symlink("/proc/self/exe", error).parent_path();
  if (fs::exists(folder / kName, error)) return folder / kName;
  return folder.parent_path() / HSCONAS_MODULE_FOLDER / kName;
}

Error not_loaded(const std::string& reason, const char* remedy) {
  return {
      ErrorKind::Device,
      fmt::format("this command needs LibTorch, which is not available: {}; {}", reason, remedy)};
}

}  // namespace

const TorchCommands& load_torch_commands() {
  const fs::path file = module_file();
  std::error_code unknown;
  if (!fs::exists(file, unknown)) {
    throw not_loaded(file.string() + " is missing", "reinstall hsconas, or build it with LibTorch");
  }
  // Global symbols: libraries that LibTorch itself loads later, such as MKL's, look for them.
  void* module = ::dlopen(file.c_str(), RTLD_NOW | RTLD_GLOBAL);
  void* symbol = module == nullptr ? nullptr : ::dlsym(module, "hsconas_torch_commands");
  if (symbol == nullptr) {
    throw not_loaded(fmt::format("loading {} failed: {}", file.string(), ::dlerror()),
                     "install LibTorch, or reinstall hsconas");
  }
  return *reinterpret_cast<decltype(&hsconas_torch_commands)>(symbol)();
}

}  // namespace hsconas
