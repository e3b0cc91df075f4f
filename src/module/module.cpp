#include <exception>

#include <c10/util/Exception.h>

#include "entries.hpp"
#include "hsconas/latency/measure.hpp"
#include "hsconas/profile/torch_timer.hpp"
#include "hsconas/supernet/device.hpp"

namespace hsconas {

namespace {

std::string describe_device_named(const std::string& name) {
  return describe_device(open_device(name));
}

std::vector<double> time_networks(const Config& config, const SearchSpace& space,
                                  std::span<const Architecture> archs, int batch,
                                  CommandContext& context) {
  TorchTimer timer(open_device(config.latency_device()),
                   timer_settings(config.latency, batch, &context.log));
  return measure_networks(space, archs, timer, config.latency, config.seed, context.log,
                          context.stop);
}

Joined join(const ProcessLaunch& launch, const StopToken& stop, const JoinOptions& options) {
  Joined joined = join_group(launch, stop, options);
  choose_gpu(joined.group->local_rank());
  return joined;
}

std::optional<std::string> message_of_torch(bool backtrace) {
  try {
    throw;
  } catch (const c10::Error& error) {
    return backtrace ? error.what() : error.what_without_backtrace();
  } catch (...) {
    return std::nullopt;
  }
}

}  // namespace

extern "C" const TorchCommands* hsconas_torch_commands() {
  static constexpr TorchCommands kCommands{
      .search = run_search,
      .profile = run_profile,
      .train = run_train,
      .shrink = run_shrink,
      .codesign = run_codesign,
      .retrain = run_retrain,
      .evaluate = run_evaluate,
      .rank = run_rank,
      .export_model = run_export,
      .doctor = run_doctor,
      .describe_device = describe_device_named,
      .time_networks = time_networks,
      .join = join,
      .message_of_torch = message_of_torch,
  };
  return &kCommands;
}

}  // namespace hsconas
