// A LibTorch without Gloo may have no part for several processes at all.
#ifdef HSCONAS_HAVE_GLOO
#include "c10d_group.hpp"

#include <algorithm>
#include <condition_variable>
#include <cstring>
#include <exception>
#include <limits>
#include <mutex>
#include <thread>
#include <utility>
#include <vector>

#include <ATen/ops/from_blob.h>
#include <fmt/format.h>

#include "hsconas/base/hash.hpp"
#include "nccl.hpp"

namespace hsconas {

namespace {

using std::chrono::milliseconds;

constexpr const char* kLeave = "leave";

/// A tensor that shares the memory of `values`.
template <typename T>
std::vector<at::Tensor> as_tensors(std::span<T> values) {
  const auto type = c10::CppTypeToScalarType<T>::value;
  return {at::from_blob(values.data(), {static_cast<std::int64_t>(values.size())},
                        at::TensorOptions().dtype(type))};
}

template <typename T>
void reduce(Collectives& collectives, std::span<T> values, c10d::ReduceOp::RedOpType operation) {
  std::vector<at::Tensor> tensors = as_tensors(values);
  c10d::AllreduceOptions options;
  options.reduceOp = operation;
  collectives.allreduce(tensors, options)->wait();
}

void send_from_root(Collectives& collectives, std::span<std::uint8_t> bytes) {
  std::vector<at::Tensor> tensors = as_tensors(bytes);
  c10d::BroadcastOptions options;
  options.rootRank = 0;
  collectives.broadcast(tensors, options)->wait();
}

/// Pauses that grow with the time waited so far, so that neither a short wait takes much longer nor
/// a long one keeps the store busy.
class Pauses {
 public:
  void pause() {
    std::this_thread::sleep_for(next_);
    next_ = std::min(next_ * 5 / 4, kLongest);
  }
  bool are_long() const { return next_ == kLongest; }

 private:
  static constexpr std::chrono::microseconds kLongest = milliseconds(100);
  std::chrono::microseconds next_{100};
};

}  // namespace

template <typename Action>
auto C10dGroup::guarded(const std::string& call, Action&& action) {
  if (failure_) throw Error(*failure_);
  if (has_left_) throw Error(ErrorKind::Internal, call + " after leave");
  try {
    const HangWatch::Call watched(*watch_, call_limit_, lost(call, "no answer"));
    return action();
  } catch (const std::exception& error) {
    give_up_for(lost(call, first_line(error.what())));
  }
}

C10dGroup::C10dGroup(Seat seat, std::unique_ptr<RunStore> store, std::unique_ptr<HangWatch> watch,
                     milliseconds call_limit, c10::intrusive_ptr<Collectives> collectives)
    : seat_(std::move(seat)),
      store_(std::move(store)),
      watch_(std::move(watch)),
      call_limit_(call_limit),
      collectives_(std::move(collectives)) {}

C10dGroup::~C10dGroup() {
  fail({ErrorKind::Internal, "this rank ended before the others"});
}

void C10dGroup::max(std::span<std::int32_t> values) {
  const std::string call = fmt::format("max of {}", values.size());
  if (values.size() <= kFew) return agree(call, values);
  agree(call, {});
  guarded(call, [&] { reduce(*collectives_, values, c10d::ReduceOp::MAX); });
}

void C10dGroup::sum(std::span<std::int32_t> values) {
  sum_up(fmt::format("sum of {} 32-bit integers", values.size()), values);
}

void C10dGroup::sum(std::span<std::int64_t> values) {
  sum_up(fmt::format("sum of {} 64-bit integers", values.size()), values);
}

template <typename T>
void C10dGroup::sum_up(const std::string& call, std::span<T> values) {
  agree(call, {});
  if (values.empty()) return;
  guarded(call, [&] { reduce(*collectives_, values, c10d::ReduceOp::SUM); });
}

bool C10dGroup::connect_devices() {
  if (knows_devices_) return device_collectives_ != nullptr;
  std::int32_t cannot = can_connect_gpus(seat_.local_size) ? 0 : 1;
  agree("connect GPUs", std::span(&cannot, 1));
  knows_devices_ = true;
  if (cannot != 0) return false;
  device_collectives_ = guarded("connect GPUs", [&] {
    return connect_gpus(store_->part("nccl"), seat_.rank, seat_.size, call_limit_);
  });
  return true;
}

bool C10dGroup::sum_on_device(std::int32_t* values, std::size_t count) {
  if (!connect_devices()) return false;
  const std::string call = fmt::format("sum of {} integers on GPUs", count);
  agree(call, {});
  std::vector<at::Tensor> tensors{gpu_tensor(values, count)};
  const auto work = guarded(call, [&] { return device_collectives_->allreduce(tensors); });
  // Work::wait() does not wait for the GPU, and code that waits for the GPU later would not notice
  // that another rank is gone. So this loop asks until the work is done.
  const auto end = HangWatch::Clock::now() + call_limit_;
  Pauses pauses;
  while (!guarded(call, [&] { return work->isCompleted(); })) {
    if (HangWatch::Clock::now() > end) give_up_for(lost(call, "no answer"));
    if (pauses.are_long()) throw_if_failed();
    pauses.pause();
  }
  guarded(call, [&] { work->wait(); });
  return true;
}

void C10dGroup::broadcast(std::string& text) {
  std::int32_t number = 0;
  share("broadcast", text, number);
}

std::int64_t C10dGroup::next(const std::string& queue) {
  refuse_on_root("next");
  throw_if_failed();
  return guarded("next", [&] { return store_->add("queue/" + queue, 1) - 1; });
}

std::string C10dGroup::on_root(const std::function<std::string()>& f) {
  const std::string call = "on_root";
  agree(call, {});
  ++root_calls_;
  if (seat_.rank != 0) {
    wait_for_root(call);
    std::string text;
    std::int32_t code = 0;
    share(call, text, code);
    if (code != 0) throw Error(static_cast<ErrorKind>(code), text);
    return text;
  }
  std::string text;
  std::string told;
  std::int32_t code = 0;
  std::exception_ptr thrown;
  is_on_root_ = true;
  try {
    text = f();
    told = text;
  } catch (const Error& error) {
    thrown = std::current_exception();
    code = error.exit_code();
    told = error.what();
  } catch (const std::exception& error) {
    thrown = std::current_exception();
    code = static_cast<std::int32_t>(ErrorKind::Internal);
    told = error.what();
  }
  is_on_root_ = false;
  guarded(call, [&] { store_->add("on_root", 1); });
  share(call, told, code);
  if (thrown) std::rethrow_exception(thrown);
  return text;
}

void C10dGroup::fail(const Error& error) {
  if (has_left_) return;
  has_left_ = true;
  if (!failure_) failure_ = error;
  try {
    const HangWatch::Call watched(*watch_, last_limit(), error);
    store_->announce(seat_.rank, seat_.host, error);
    if (!seat_.serves_store) store_->add("told", 1);
  } catch (const std::exception&) {
    // The store is gone, and with it rank 0, which the others will notice themselves.
  }
  close_collectives();  // The others wait no longer.
  if (seat_.serves_store) wait_until_all_have("told", milliseconds(2000));
}

void C10dGroup::leave() {
  if (has_left_) return;
  agree(kLeave, {});
  // Ranks that are slow to notice that all have come still use the store.
  if (seat_.serves_store) {
    wait_until_all_have("left", milliseconds(10'000));
  } else {
    guarded(kLeave, [&] { store_->add("left", 1); });
  }
  has_left_ = true;
  close_collectives();
}

void C10dGroup::agree(const std::string& call, std::span<std::int32_t> values) {
  refuse_on_root(call);
  const std::uint64_t hash = fnv1a(fmt::format("{} {}", calls_++, call));
  const auto mine = static_cast<std::int32_t>((hash ^ (hash >> 32U)) & 0x7FFFFFFFU);
  std::array<std::int32_t, kWords> words{};
  words[0] = mine;
  words[1] = -mine;
  std::copy(values.begin(), values.end(), words.begin() + kHashes);
  guarded(call,
          [&] { reduce(*collectives_, std::span<std::int32_t>(words), c10d::ReduceOp::MAX); });
  if (words[0] != mine || words[1] != -mine) {
    // A rank that was stopped alone comes to leave() too early, and then says so.
    if (call != kLeave) await_failure();
    give_up({ErrorKind::Internal,
             fmt::format("the ranks diverged: rank {} calls {}, another one something else",
                         seat_.rank, call)});
  }
  std::copy_n(words.begin() + kHashes, values.size(), values.begin());
}

void C10dGroup::share(const std::string& call, std::string& text, std::int32_t& number) {
  // Three numbers and the first bytes of the text. The other ranks pass the smallest values.
  constexpr std::size_t kNumbers = 3;
  constexpr std::size_t kBytes = (kFew - kNumbers) * sizeof(std::int32_t);
  std::array<std::int32_t, kFew> words;
  words.fill(std::numeric_limits<std::int32_t>::min());
  if (seat_.rank == 0) {
    words[0] = static_cast<std::int32_t>(text.size() >> 31U);
    words[1] = static_cast<std::int32_t>(text.size() & 0x7FFFFFFFU);
    words[2] = number;
    std::memcpy(words.data() + kNumbers, text.data(), std::min(text.size(), kBytes));
  }
  agree(call, words);
  const auto size =
      (static_cast<std::size_t>(words[0]) << 31U) + static_cast<std::size_t>(words[1]);
  number = words[2];
  text.resize(size);
  if (size <= kBytes) {
    std::memcpy(text.data(), words.data() + kNumbers, size);
    return;
  }
  const std::span bytes(reinterpret_cast<std::uint8_t*>(text.data()), size);
  guarded(call, [&] { send_from_root(*collectives_, bytes); });
}

void C10dGroup::wait_for_root(const std::string& call) {
  // Not in a collective, which would time out while rank 0 works.
  Pauses pauses;
  while (guarded(call, [&] { return store_->add("on_root", 0); }) < root_calls_) {
    throw_if_failed();
    pauses.pause();
  }
}

void C10dGroup::await_failure() {
  const auto end = HangWatch::Clock::now() + milliseconds(1000);
  for (Pauses pauses; HangWatch::Clock::now() < end; pauses.pause()) throw_if_failed();
}

Error C10dGroup::lost(const std::string& call, const std::string& what) const {
  return {ErrorKind::Lost,
          fmt::format("another process of this run is gone or does not answer; --resume continues; "
                      "if it is only slow, raise cluster.timeout (rank {} on {}, in {}: {})",
                      seat_.rank, seat_.host, call, what)};
}

void C10dGroup::give_up_for(const Error& otherwise) {
  std::optional<Error> failure;
  try {
    const HangWatch::Call watched(*watch_, last_limit(), otherwise);
    failure = store_->failure();
  } catch (const std::exception&) {
    // The store is gone too.
  }
  give_up(failure ? *failure : otherwise);
}

milliseconds C10dGroup::last_limit() const {
  // After a failure there is less patience.
  return std::min(call_limit_, milliseconds(10'000));
}

void C10dGroup::throw_if_failed() {
  const auto failure = guarded("the store", [&] { return store_->failure(); });
  if (failure) give_up(*failure);
}

void C10dGroup::give_up(const Error& error) {
  failure_ = error;
  throw Error(error);
}

void C10dGroup::refuse_on_root(const std::string& call) const {
  // Nobody would answer: the others wait for the end of on_root().
  if (is_on_root_) throw Error(ErrorKind::Internal, call + " inside on_root");
}

void C10dGroup::wait_until_all_have(const std::string& counter, milliseconds patience) {
  const auto end = HangWatch::Clock::now() + patience;
  Pauses pauses;
  try {
    const HangWatch::Call watched(*watch_, patience + last_limit(),
                                  failure_ ? *failure_ : lost(counter, "no answer"));
    while (store_->add(counter, 0) < seat_.size - 1 && HangWatch::Clock::now() < end) {
      pauses.pause();
    }
  } catch (const std::exception&) {
    // Nobody can be waited for without a store.
  }
}

void C10dGroup::close_collectives() {
  // A thread of its own, because a library may hang here after a failure.
  struct Closing {
    std::mutex mutex;
    std::condition_variable end;
    bool is_done = false;
  };
  const auto closing = std::make_shared<Closing>();
  std::thread([closing, collectives = std::exchange(collectives_, {}),
               of_devices = std::exchange(device_collectives_, {})]() mutable {
    of_devices.reset();
    collectives.reset();
    const std::lock_guard lock(closing->mutex);
    closing->is_done = true;
    closing->end.notify_all();
  }).detach();
  std::unique_lock lock(closing->mutex);
  closing->end.wait_for(lock, milliseconds(1000), [&] { return closing->is_done; });
}

}  // namespace hsconas

#endif
