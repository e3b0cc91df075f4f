#include "hsconas/cluster/join_group.hpp"

#include <algorithm>
#include <chrono>
#include <memory>
#include <optional>
#include <set>
#include <thread>
#include <utility>

#include <fmt/format.h>

#include "hsconas/base/text.hpp"

#ifdef HSCONAS_HAVE_GLOO
#include <c10/util/Logging.h>
#include <torch/csrc/distributed/c10d/ProcessGroupGloo.hpp>

#include "c10d_group.hpp"
#include "hang_watch.hpp"
#include "network.hpp"
#include "run_store.hpp"
#include "signals_blocked.hpp"
#endif

namespace hsconas {

#ifdef HSCONAS_HAVE_GLOO

namespace {

using Clock = std::chrono::steady_clock;
using Gloo = c10d::ProcessGroupGloo;

/// The meeting of the processes in the store, before they have a group.
class Meeting {
 public:
  Meeting(const ProcessLaunch& launch, const StopToken& stop, const JoinOptions& options,
          RunStore& store)
      : launch_(launch), stop_(stop), options_(options), store_(store) {}

  /// Returns the hosts by rank once all have come.
  std::vector<std::string> hosts() {
    store_.add("came", 1);
    if (store_.add(fmt::format("came/{}", launch_.rank), 1) > 1) {
      refuse({ErrorKind::Usage,
              fmt::format("two processes are rank {} of this run: give each another rank",
                          launch_.rank)});
    }
    store_.set(key_of(launch_.rank), fmt::format("{}\n{}", own_host_, own_program_));
    if (launch_.rank == 0) gather();
    await("all", options_.join_timeout + std::chrono::seconds(10), [&]() -> Error {
      return {ErrorKind::Lost,
              fmt::format("rank {} on {}: rank 0 did not gather the processes of this run",
                          launch_.rank, own_host_)};
    });
    return split(store_.get("all"), '\n');
  }

  /// Waits until all have prepared what they need to connect, so that nobody waits in a library for
  /// one that cannot.
  void wait_until_all_are_ready() {
    if (store_.add("ready", 1) == launch_.size) store_.set("connect", "");
    await("connect", options_.join_timeout, [&]() -> Error {
      return {ErrorKind::Lost, "another process of this run is not ready to connect"};
    });
  }

  /// Says `error` to the others, unless one of them was first, and throws what was said.
  [[noreturn]] void refuse(const Error& error) {
    std::optional<Error> failure;
    try {
      failure = store_.failure();
      if (!failure) store_.announce(launch_.rank, own_host_, error);
      if (launch_.serves_store) {
        wait_for_readers();
      } else {
        store_.add("told", 1);
      }
    } catch (const std::exception&) {
      // The store is gone, which the others will notice themselves.
    }
    throw Error(failure ? *failure : error);
  }

 private:
  /// Serves the store until all that have come know of the failure.
  void wait_for_readers() {
    const Clock::time_point end = Clock::now() + std::chrono::seconds(2);
    while (store_.add("told", 0) < store_.add("came", 0) - 1 && Clock::now() < end) {
      std::this_thread::sleep_for(std::chrono::milliseconds(10));
    }
  }

  static std::string key_of(int rank) { return fmt::format("member/{}", rank); }

  /// Waits for a key, while nothing speaks against it.
  template <typename Late>
  void await(const std::string& key, std::chrono::milliseconds patience, const Late& late) {
    const Clock::time_point end = Clock::now() + patience;
    auto pause = std::chrono::milliseconds(1);
    while (!store_.has(key)) {
      if (const auto failure = store_.failure()) refuse(*failure);
      if (stop_.requested()) refuse(StopToken::stopped());
      if (Clock::now() > end) refuse(late());
      std::this_thread::sleep_for(pause);
      pause = std::min(2 * pause, std::chrono::milliseconds(100));
    }
  }

  /// Rank 0 waits for all and compares them with itself.
  void gather() {
    const Clock::time_point end = Clock::now() + options_.join_timeout;
    std::vector<std::string> hosts;
    for (int rank = 0; rank < launch_.size; ++rank) {
      const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(end - Clock::now());
      await(key_of(rank), left, [&] { return missing(); });
      const auto parts = split(store_.get(key_of(rank)), '\n');
      if (parts.at(1) != own_program_) {
        refuse({ErrorKind::Usage,
                fmt::format("rank {} on {} runs {}, but rank 0 on {} runs {}: start the same "
                            "program, command and number of processes everywhere",
                            rank, parts[0], parts[1], own_host_, own_program_)});
      }
      hosts.push_back(parts[0]);
    }
    store_.set("all", join(hosts, "\n"));
  }

  Error missing() {
    std::vector<std::string> ranks;
    for (int rank = 0; rank < launch_.size; ++rank) {
      if (!store_.has(key_of(rank))) ranks.push_back(std::to_string(rank));
    }
    return {ErrorKind::Lost,
            fmt::format("only {} of {} processes came within {} s; missing: {}",
                        launch_.size - std::ssize(ranks), launch_.size,
                        options_.join_timeout.count() / 1000, hsconas::join(ranks, ", "))};
  }

  const ProcessLaunch& launch_;
  const StopToken& stop_;
  const JoinOptions& options_;
  RunStore& store_;
  const std::string own_host_ = host_name();
  const std::string own_program_ =
      fmt::format("{} with {} processes", options_.program, launch_.size);
};

std::vector<std::string> gather_hosts(Meeting& meeting, const ProcessLaunch& launch,
                                      const JoinOptions& options) {
  HangWatch watch(options.on_hang);
  const HangWatch::Call watched(
      watch, 2 * options.join_timeout + options.grace,
      {ErrorKind::Lost, fmt::format("rank {} on {}: the store at {}:{} does not answer",
                                    launch.rank, host_name(), launch.address, launch.port)});
  try {
    return meeting.hosts();
  } catch (const Error&) {
    throw;
  } catch (const std::exception& error) {
    throw Error(ErrorKind::Lost,
                fmt::format("rank {} on {} has lost the store at {}:{} ({})", launch.rank,
                            host_name(), launch.address, launch.port, first_line(error.what())));
  }
}

std::string describe(const ProcessLaunch& launch, const std::vector<std::string>& hosts) {
  const std::set<std::string> different(hosts.begin(), hosts.end());
  return fmt::format("{} processes on {} {} ({}): {}", hosts.size(), different.size(),
                     different.size() == 1 ? "host" : "hosts", launch.launcher,
                     join({different.begin(), different.end()}, ", "));
}

Seat seat_of(const ProcessLaunch& launch, const std::vector<std::string>& hosts) {
  Seat seat{.rank = launch.rank,
            .size = launch.size,
            .local_rank = launch.local_rank,
            .local_size = launch.local_size,
            .host = hosts.at(static_cast<std::size_t>(launch.rank)),
            .group = describe(launch, hosts),
            .serves_store = launch.serves_store};
  const auto own = hosts.begin() + launch.rank;
  if (seat.local_rank < 0) {
    seat.local_rank = static_cast<int>(std::count(hosts.begin(), own, *own));
  }
  if (seat.local_size < 0) {
    seat.local_size = static_cast<int>(std::count(hosts.begin(), hosts.end(), *own));
  }
  return seat;
}

/// Gloo by default takes the address of the host's name, which on many systems is one that reaches
/// only the host itself.
std::string own_address(const ProcessLaunch& launch, const std::vector<std::string>& hosts) {
  std::string address = address_towards(launch.address, launch.port);
  const bool is_one_host = std::count(hosts.begin(), hosts.end(), hosts[0]) == std::ssize(hosts);
  if (!is_one_host && (address.empty() || is_loopback(address))) address = first_outside_address();
  if (address.empty() && is_one_host) return "127.0.0.1";
  if (address.empty()) {
    throw Error(ErrorKind::Usage,
                "no network interface reaches the other hosts: set GLOO_SOCKET_IFNAME to one");
  }
  return address;
}

c10::intrusive_ptr<Gloo::Options> gloo_settings(const ProcessLaunch& launch,
                                                const JoinOptions& options,
                                                const std::vector<std::string>& hosts) {
  const auto settings = Gloo::Options::create(options.timeout);
  settings->threads = 1;  // One call at a time.
  try {
    for (const std::string& name : launch.interfaces) {
      settings->devices.push_back(Gloo::createDeviceForInterface(name));
    }
  } catch (const std::exception& error) {
    throw Error(
        ErrorKind::Usage,
        fmt::format("GLOO_SOCKET_IFNAME: no such network interface on {} ({})",
                    hosts[static_cast<std::size_t>(launch.rank)], first_line(error.what())));
  }
  if (settings->devices.empty()) {
    settings->devices.push_back(Gloo::createDeviceForHostname(own_address(launch, hosts)));
  }
  return settings;
}

}  // namespace

std::shared_ptr<ProcessGroup> join_group(const ProcessLaunch& launch, const StopToken& stop,
                                         const JoinOptions& options) {
  if (launch.size == 1) return std::make_shared<SingleGroup>();
  // Every rank keeps a connection to every other one.
  constexpr int kMostRanks = 128;
  if (launch.size > kMostRanks) {
    throw Error(ErrorKind::Usage,
                fmt::format("{} processes are too many for one run: start at most {}", launch.size,
                            kMostRanks));
  }
  c10::initLogging();  // Reads TORCH_CPP_LOG_LEVEL.
  auto store = std::make_unique<RunStore>(launch, options.join_timeout, stop);
  Meeting meeting(launch, stop, options, *store);
  const std::vector<std::string> hosts = gather_hosts(meeting, launch, options);
  store->set_timeout(options.timeout);
  const Seat seat = seat_of(launch, hosts);
  auto watch = std::make_unique<HangWatch>(options.on_hang);
  const std::chrono::milliseconds call_limit = options.timeout + options.grace;
  const auto unreachable = [&](const std::string& what) -> Error {
    return {ErrorKind::Lost,
            fmt::format("rank {} on {} cannot reach all other processes of this run ({})",
                        seat.rank, seat.host, what)};
  };
  c10::intrusive_ptr<Gloo::Options> settings;
  try {
    const SignalsBlocked blocked;
    settings = gloo_settings(launch, options, hosts);
  } catch (const Error& error) {
    meeting.refuse(error);
  } catch (const std::exception& error) {
    meeting.refuse(unreachable(first_line(error.what())));
  }
  meeting.wait_until_all_are_ready();
  c10::intrusive_ptr<Collectives> collectives;
  try {
    const SignalsBlocked blocked;
    const HangWatch::Call watched(*watch, call_limit, unreachable("no answer"));
    collectives = c10::make_intrusive<Gloo>(store->part("gloo"), seat.rank, seat.size, settings);
  } catch (const std::exception& error) {
    meeting.refuse(unreachable(first_line(error.what())));
  }
  auto group = std::make_shared<C10dGroup>(seat, std::move(store), std::move(watch), call_limit,
                                           std::move(collectives));
  group->meet();
  return group;
}

#else

std::shared_ptr<ProcessGroup> join_group(const ProcessLaunch& launch, const StopToken& /*stop*/,
                                         const JoinOptions& /*options*/) {
  if (launch.size == 1) return std::make_shared<SingleGroup>();
  throw Error(ErrorKind::Usage,
              fmt::format("{} processes were started, but this build has no Gloo: install "
                          "libgloo-dev and configure again, or start one process",
                          launch.size));
}

#endif

}  // namespace hsconas
