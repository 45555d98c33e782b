#include "backends/cpu/run/executable.h"

#include <algorithm>
#include <mutex>
#include <optional>

#include "runtime/error.h"
#include "runtime/memory.h"

namespace sinter::cpu {

using runtime::kCacheLine;
using runtime::Slot;

namespace {

struct Fault {
  int64_t site = 0;
  int64_t position = 0;
  int64_t bits = 0;
};

void parallel_for(Context* context, Kernel kernel, void** arguments, int64_t extent, int64_t unit,
                  int64_t threads, int64_t number);
void timed_parallel_for(Context* context, Kernel kernel, void** arguments, int64_t extent, int64_t unit,
                        int64_t threads, int64_t number);
void report(Context* context, int64_t site, int64_t position, int64_t bits);
void* scratch(Context* context);
void begin_meeting(Context* context, int64_t number);
void end_meeting(Context* context, int64_t number);

class RunContext final : public runtime::Context, public cpu::Context {
 public:
  RunContext(const Image& image, const std::vector<std::byte*>& constants, runtime::ThreadPool& threads,
             runtime::Communicator* communicator)
      : pool(threads),
        kernels(image.infos),
        meetings(image.meetings, communicator),
        slots_(constants.begin(), constants.end()),
        arena_bytes_(whole_lines(static_cast<size_t>(image.arena_bytes))),
        scratch_bytes_(whole_lines(image.scratch_bytes)) {
    slots = slots_.data();
    cpu::Context::report = cpu::report;
    cpu::Context::scratch = cpu::scratch;
    cpu::Context::begin = begin_meeting;
    cpu::Context::end = end_meeting;
  }

  // The arena's beginning. Behind what the program has there is the threads' scratch memory. `shared` is what
  // the call has in common with others, if it has.
  std::byte* use_arena(runtime::Arena* shared) {
    runtime::Arena& arena = shared != nullptr ? *shared : own_arena_;
    std::byte* first = arena.at_least(arena_bytes_ + scratch_bytes_ * static_cast<size_t>(pool.threads()));
    scratch_ = first + arena_bytes_;
    return first;
  }

  void start(const runtime::Call& call) {
    seed_low = static_cast<uint32_t>(call.seed);
    seed_high = static_cast<uint32_t>(call.seed >> 32);
    step = call.step;
    profile = call.profile;
    cpu::Context::parallel_for = profile == nullptr ? cpu::parallel_for : cpu::timed_parallel_for;
    fault = 0;
    first_fault_.reset();
    meetings.start({call.program_mark, call.data_mark});
  }

  void report_fault(Fault found) {
    const std::lock_guard<std::mutex> lock(fault_mutex_);
    const auto order = [](const Fault& f) { return std::pair(f.site, f.position); };
    if (!first_fault_ || order(found) < order(*first_fault_)) first_fault_ = found;
    fault = 1;
  }

  const std::optional<Fault>& first_fault() const { return first_fault_; }

  void* thread_scratch() const {
    return scratch_ + scratch_bytes_ * static_cast<size_t>(pool.thread_index());
  }

  runtime::ThreadPool& pool;
  const std::vector<runtime::KernelInfo>& kernels;
  runtime::Profile* profile = nullptr;
  runtime::Meetings meetings;

 private:
  static size_t whole_lines(size_t bytes) { return (bytes + kCacheLine - 1) / kCacheLine * kCacheLine; }

  std::vector<void*> slots_;
  size_t arena_bytes_;
  size_t scratch_bytes_;  // of each thread
  runtime::Arena own_arena_;
  std::byte* scratch_ = nullptr;
  std::mutex fault_mutex_;
  std::optional<Fault> first_fault_;
};

void parallel_for(Context* context, Kernel kernel, void** arguments, int64_t extent, int64_t unit,
                  int64_t threads, int64_t) {
  if (unit >= extent) return kernel(context, arguments, 0, extent);
  static_cast<RunContext*>(context)->pool.parallel_for(
      extent, unit, threads, [=](int64_t begin, int64_t end) { kernel(context, arguments, begin, end); });
}

void timed_parallel_for(Context* context, Kernel kernel, void** arguments, int64_t extent, int64_t unit,
                        int64_t threads, int64_t number) {
  struct alignas(kCacheLine) Part {
    int64_t begin = 0, end = 0;
  };
  const RunContext& run = *static_cast<RunContext*>(context);
  const runtime::KernelInfo& info = run.kernels.at(static_cast<size_t>(number));
  std::vector<Part> parts(static_cast<size_t>(run.pool.threads()));
  const int64_t begin = runtime::Profile::now();
  run.pool.parallel_for(extent, unit, threads, [&](int64_t first, int64_t last) {
    Part& part = parts[static_cast<size_t>(run.pool.thread_index())];
    if (part.begin == 0) part.begin = runtime::Profile::now();
    kernel(context, arguments, first, last);
    part.end = runtime::Profile::now();
  });
  run.profile->add_launch(info, begin, runtime::Profile::now());
  for (size_t i = 0; i < parts.size(); ++i) {
    if (parts[i].begin != 0) run.profile->add_part(info, static_cast<int>(i), parts[i].begin, parts[i].end);
  }
}

void report(Context* context, int64_t site, int64_t position, int64_t bits) {
  static_cast<RunContext*>(context)->report_fault({site, position, bits});
}

void* scratch(Context* context) {
  return static_cast<RunContext*>(context)->thread_scratch();
}

void begin_meeting(Context* context, int64_t number) {
  RunContext& run = *static_cast<RunContext*>(context);
  runtime::CollectiveFault fault;
  if (const std::optional<Fault>& own = run.first_fault()) fault = {own->site, own->position, own->bits};
  run.meetings.begin(static_cast<size_t>(number), fault, [&](const runtime::Meeting::Place& place) {
    return static_cast<std::byte*>(run.slots[place.slot]) + place.offset;
  });
}

void end_meeting(Context* context, int64_t number) {
  RunContext& run = *static_cast<RunContext*>(context);
  const runtime::CollectiveFault fault = run.meetings.end(static_cast<size_t>(number));
  if (fault.site >= 0) run.report_fault({fault.site, fault.position, fault.bits});
}

class CpuExecutable final : public runtime::Executable {
 public:
  CpuExecutable(Image image, std::shared_ptr<runtime::ThreadPool> pool,
                std::shared_ptr<runtime::Communicator> communicator)
      : image_(std::move(image)), pool_(std::move(pool)), communicator_(std::move(communicator)) {
    runtime::check_meetings(image_.meetings, communicator_.get());
    for (Slot& slot : image_.slots) {
      constants_.push_back(nullptr);
      if (slot.kind != Slot::Kind::constant) continue;
      constant_memory_.push_back(runtime::allocate(slot.data.size()));
      constants_.back() = constant_memory_.back().get();
      std::copy(slot.data.begin(), slot.data.end(), constants_.back());
      slot.data = {};
    }
  }

  const std::vector<runtime::TensorSpec>& inputs() const override { return image_.inputs; }
  const std::vector<runtime::TensorSpec>& outputs() const override { return image_.outputs; }

  std::unique_ptr<runtime::Context> make_context() const override {
    return std::make_unique<RunContext>(image_, constants_, *pool_, communicator_.get());
  }

  void run(runtime::Context& context, runtime::StateStore& state, const runtime::Call& call) const override {
    RunContext& run = dynamic_cast<RunContext&>(context);
    runtime::check_call(image_, call);
    bind(run, state, call);
    run.start(call);
    const int64_t begin = call.profile == nullptr ? 0 : runtime::Profile::now();
    {
      const runtime::FloatModeScope mode(image_.mode);
      image_.entry(&run);
    }
    if (call.profile != nullptr) call.profile->add_call(image_.name, begin, runtime::Profile::now());
    run.meetings.rethrow();
    if (const std::optional<Fault>& fault = run.first_fault()) {
      const runtime::FaultSite& site = image_.faults.at(static_cast<size_t>(fault->site));
      runtime::raise_fault(site, fault->position, fault->bits);
    }
  }

 private:
  void bind(RunContext& run, runtime::StateStore& state, const runtime::Call& call) const {
    auto* store = dynamic_cast<runtime::HostState*>(&state);
    std::byte* arena = run.use_arena(store != nullptr && call.has_state_alone ? &store->arena() : nullptr);
    for (size_t i = 0; i < image_.slots.size(); ++i) {
      const Slot& slot = image_.slots[i];
      // Kernels write only to slots that they may write to, so inputs stay as they are.
      if (slot.kind == Slot::Kind::input) run.slots[i] = const_cast<void*>(call.inputs[slot.ordinal]);
      if (slot.kind == Slot::Kind::output) run.slots[i] = call.outputs[slot.ordinal];
      if (slot.kind == Slot::Kind::arena) run.slots[i] = arena + slot.offset;
      if (slot.kind == Slot::Kind::state) {
        if (store == nullptr || slot.ordinal >= store->specs().size())
          throw RuntimeError("the state belongs to another device or program");
        run.slots[i] = store->at(slot.ordinal).raw();
      }
    }
  }

  Image image_;
  std::vector<runtime::Memory> constant_memory_;
  std::vector<std::byte*> constants_;  // by slot
  std::shared_ptr<runtime::ThreadPool> pool_;
  std::shared_ptr<runtime::Communicator> communicator_;
};

}  // namespace

std::unique_ptr<runtime::Executable> make_executable(Image image, std::shared_ptr<runtime::ThreadPool> pool,
                                                     std::shared_ptr<runtime::Communicator> communicator) {
  return std::make_unique<CpuExecutable>(std::move(image), std::move(pool), std::move(communicator));
}

}  // namespace sinter::cpu
