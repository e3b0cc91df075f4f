#include "hsconas/base/launch.hpp"

#include <charconv>
#include <cstdint>
#include <optional>
#include <string_view>
#include <system_error>

#include <fmt/format.h>

#include "hsconas/base/error.hpp"
#include "hsconas/base/text.hpp"

namespace hsconas {

namespace {

constexpr int kDefaultPort = 29500;  // torchrun's.
constexpr int kUnknown = -1;

std::optional<std::int64_t> whole_number(std::string_view text) {
  std::int64_t value = 0;
  const char* end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, value);
  if (error != std::errc() || stop != end || value < 0) return std::nullopt;
  return value;
}

/// The environment variables of a process. An empty variable counts as unset.
class Variables {
 public:
  explicit Variables(const std::map<std::string, std::string>& values) : values_(values) {}

  std::string text(const std::string& name) const {
    const auto it = values_.find(name);
    return it == values_.end() ? "" : it->second;
  }
  bool has(const std::string& name) const { return !text(name).empty(); }

  /// The value of a variable that is set. Throws Error(Usage) if it is not within the limits.
  int number(const std::string& name, int least = 0, int most = 1'000'000) const {
    const auto value = whole_number(text(name));
    if (!value || *value < least || *value > most) {
      throw Error(ErrorKind::Usage, fmt::format("{} must be a whole number in [{}, {}], got '{}'",
                                                name, least, most, text(name)));
    }
    return static_cast<int>(*value);
  }
  int number_or_unknown(const std::string& name) const {
    return has(name) ? number(name) : kUnknown;
  }

 private:
  const std::map<std::string, std::string>& values_;
};

/// The variables in which a launcher passes rank and size.
struct LauncherVariables {
  const char* launcher;
  const char* rank;
  const char* size;
  const char* local_rank;
  const char* local_size;  ///< nullptr if no variable holds it as a number.
};

constexpr LauncherVariables kTorchrun{"torchrun", "RANK", "WORLD_SIZE", "LOCAL_RANK",
                                      "LOCAL_WORLD_SIZE"};
constexpr LauncherVariables kOpenMpi{"Open MPI", "OMPI_COMM_WORLD_RANK", "OMPI_COMM_WORLD_SIZE",
                                     "OMPI_COMM_WORLD_LOCAL_RANK", "OMPI_COMM_WORLD_LOCAL_SIZE"};
// A batch script has SLURM_PROCID=0 and SLURM_NTASKS too. Only srun sets SLURM_STEP_NUM_TASKS.
constexpr LauncherVariables kSlurm{"srun", "SLURM_PROCID", "SLURM_STEP_NUM_TASKS", "SLURM_LOCALID",
                                   nullptr};
constexpr LauncherVariables kMpich{"MPICH", "PMI_RANK", "PMI_SIZE", "MPI_LOCALRANKID",
                                   "MPI_LOCALNRANKS"};

void require_below(const char* name, int value, const char* limit_name, int limit) {
  if (value < limit) return;
  throw Error(ErrorKind::Usage,
              fmt::format("{} {} is not below {} {}", name, value, limit_name, limit));
}

ProcessLaunch read_ranks(const Variables& variables, const LauncherVariables& names) {
  for (const auto& [name, other] :
       {std::pair(names.rank, names.size), std::pair(names.size, names.rank)}) {
    if (variables.has(name)) continue;
    throw Error(ErrorKind::Usage,
                fmt::format("{} is set but {} is not; set both or neither", other, name));
  }
  ProcessLaunch launch;
  launch.launcher = names.launcher;
  launch.size = variables.number(names.size, 1);
  launch.rank = variables.number(names.rank);
  require_below(names.rank, launch.rank, names.size, launch.size);
  launch.local_rank = variables.number_or_unknown(names.local_rank);
  launch.local_size =
      names.local_size == nullptr ? kUnknown : variables.number_or_unknown(names.local_size);
  if (launch.local_size != kUnknown) {
    require_below(names.local_rank, launch.local_rank, names.local_size, launch.local_size);
  }
  return launch;
}

/// The number of tasks on node `index` of a step, from a list such as "2(x3),1": two on each of the
/// first three nodes, one on the fourth.
int tasks_on_node(const std::string& list, int index) {
  for (const std::string& part : split(list, ',')) {
    const std::size_t times = part.find("(x");
    const auto tasks = whole_number(std::string_view(part).substr(0, times));
    const auto nodes =
        times == std::string::npos || !part.ends_with(')')
            ? std::optional<std::int64_t>(1)
            : whole_number(std::string_view(part).substr(times + 2, part.size() - times - 3));
    if (!tasks || !nodes || *tasks > 1'000'000) return kUnknown;
    if (index < *nodes) return static_cast<int>(*tasks);
    index -= static_cast<int>(*nodes);
  }
  return kUnknown;
}

/// The port that a job uses if nobody names one. Jobs that share a host get different ports, which
/// lie below those that the system gives to outgoing connections (32768 and above).
int port_of_job(const Variables& variables, bool is_step) {
  const auto job = whole_number(variables.text("SLURM_JOB_ID"));
  if (!job) return kDefaultPort;
  const auto step =
      is_step ? whole_number(variables.text("SLURM_STEP_ID")) : std::optional<std::int64_t>(0);
  constexpr std::int64_t kPorts = 15000;
  return static_cast<int>(15000 + (31 * (*job % kPorts) + step.value_or(0) % kPorts) % kPorts);
}

std::string prefix_of(const std::string& run, const std::string& restart) {
  return fmt::format("hsconas/{}/{}", run.empty() ? "run" : run, restart.empty() ? "0" : restart);
}

ProcessLaunch read_torchrun(const Variables& variables) {
  ProcessLaunch launch = read_ranks(variables, kTorchrun);
  launch.port = kDefaultPort;
  const std::string agent = variables.text("TORCHELASTIC_USE_AGENT_STORE");
  launch.serves_store = launch.rank == 0 && !(agent == "True" || agent == "true" || agent == "1");
  launch.prefix = prefix_of(variables.text("TORCHELASTIC_RUN_ID"),
                            variables.text("TORCHELASTIC_RESTART_COUNT"));
  return launch;
}

ProcessLaunch read_mpi(const Variables& variables, const LauncherVariables& names) {
  ProcessLaunch launch = read_ranks(variables, names);
  if (launch.local_size == launch.size) launch.address = "127.0.0.1";
  // In a Slurm job, mpirun starts the processes of other nodes as steps, so the step does not
  // count.
  launch.port = port_of_job(variables, false);
  launch.serves_store = launch.rank == 0;
  launch.prefix = prefix_of(variables.text("SLURM_JOB_ID"), variables.text("SLURM_RESTART_COUNT"));
  return launch;
}

ProcessLaunch read_slurm(const Variables& variables) {
  ProcessLaunch launch = read_ranks(variables, kSlurm);
  if (variables.has("SLURM_NODEID")) {
    launch.local_size = tasks_on_node(variables.text("SLURM_STEP_TASKS_PER_NODE"),
                                      variables.number("SLURM_NODEID"));
  }
  if (variables.has("SLURM_STEP_NODELIST") && !variables.has("MASTER_ADDR")) {
    launch.address = first_host(variables.text("SLURM_STEP_NODELIST"));
  }
  launch.port = port_of_job(variables, true);
  launch.serves_store = launch.rank == 0;
  launch.prefix = prefix_of(
      fmt::format("{}.{}", variables.text("SLURM_JOB_ID"), variables.text("SLURM_STEP_ID")),
      variables.text("SLURM_RESTART_COUNT"));
  return launch;
}

ProcessLaunch read_alone(const Variables& variables) {
  ProcessLaunch launch;
  const auto tasks = whole_number(variables.text("SLURM_NTASKS"));
  if (variables.has("SLURM_JOB_ID") && tasks.value_or(1) > 1) {
    launch.warning = fmt::format(
        "this Slurm job has {} tasks, but hsconas was not started with srun, so one process does "
        "all the work",
        *tasks);
  }
  return launch;
}

ProcessLaunch read_first_set(const Variables& variables) {
  const auto has_part = [&](const LauncherVariables& names) {
    return variables.has(names.rank) || variables.has(names.size);
  };
  if (has_part(kTorchrun)) return read_torchrun(variables);
  if (has_part(kOpenMpi)) return read_mpi(variables, kOpenMpi);
  // In a Slurm job, mpirun of MPICH starts its proxies with srun, so that its processes see the
  // step of the proxies. srun itself can set PMI_RANK (--mpi=pmi2), but no local rank.
  const bool is_hydra = has_part(kMpich) && variables.has(kMpich.local_rank);
  if (variables.has(kSlurm.size) && !is_hydra) return read_slurm(variables);
  if (has_part(kMpich)) return read_mpi(variables, kMpich);
  return read_alone(variables);
}

}  // namespace

ProcessLaunch read_launch(const std::map<std::string, std::string>& environment) {
  const Variables variables(environment);
  ProcessLaunch launch = read_first_set(variables);
  if (launch.size == 1) {
    // The variables of a single process may be left over from something else, so they count for
    // nothing.
    ProcessLaunch alone;
    alone.launcher = launch.launcher;
    alone.warning = launch.warning;
    return alone;
  }
  if (variables.has("MASTER_ADDR")) launch.address = variables.text("MASTER_ADDR");
  if (variables.has("MASTER_PORT")) launch.port = variables.number("MASTER_PORT", 1, 65535);
  if (launch.address.empty()) {
    throw Error(
        ErrorKind::Usage,
        fmt::format("{} processes but no MASTER_ADDR: set it to the host of rank 0", launch.size));
  }
  if (variables.has("GLOO_SOCKET_IFNAME")) {
    launch.interfaces = split(variables.text("GLOO_SOCKET_IFNAME"), ',');
  }
  return launch;
}

std::string first_host(const std::string& list) {
  const auto refuse = [&]() -> Error {
    return {
        ErrorKind::Usage,
        fmt::format("'{}' is not a list of hosts: set MASTER_ADDR to the host of rank 0", list)};
  };
  std::string host;
  for (std::size_t at = 0; at < list.size() && list[at] != ','; ++at) {
    if (list[at] == ']') throw refuse();
    if (list[at] != '[') {
      host += list[at];
      continue;
    }
    const std::size_t close = list.find(']', at);
    const std::size_t end = list.find_first_of("-,]", at);
    if (close == std::string::npos || end == at + 1) throw refuse();
    host += list.substr(at + 1, end - at - 1);
    at = close;
  }
  if (host.empty()) throw refuse();
  return host;
}

}  // namespace hsconas
