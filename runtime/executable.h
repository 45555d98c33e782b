#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/device_buffer.h"
#include "runtime/memory.h"
#include "runtime/profile.h"
#include "runtime/tensor.h"

namespace sinter::runtime {

struct TensorSpec {
  std::string name;
  DType dtype = DType::f32;
  Shape shape;
};

// The state that the functions of a program share, where their device keeps it. Zero when made. With it goes
// an arena, for calls that have the state to themselves.
class StateStore {
 public:
  virtual ~StateStore() = default;
  // Throw RuntimeError on an unknown name, or a tensor of another type or shape.
  virtual void set(std::string_view name, const HostTensor& value) = 0;
  virtual HostTensor get(std::string_view name) const = 0;
  virtual const std::vector<TensorSpec>& specs() const = 0;
  // This state and, after it, the states of `other`, of the same device, that are called so: what calls use
  // that use both. It shares their memory, and this one's arena.
  virtual std::unique_ptr<StateStore> with(const StateStore& other,
                                           std::span<const std::string> names) const = 0;

  size_t index_of(std::string_view name) const;  // throws RuntimeError on an unknown name

 protected:
  // The same for a value to be set, whose type and shape must fit.
  size_t index_for(std::string_view name, const HostTensor& value) const;
};

// What one call of an executable at a time changes besides state: its fault word, an arena where the state's
// is not for it, and, on a device with memory of its own, its inputs and outputs.
class Context {
 public:
  virtual ~Context() = default;

  // Whether the device has memory for inputs and outputs. Where it has none, calls say where they lie, and
  // the rest are null.
  virtual bool has_memory() const { return false; }
  // Where the host puts an input, of which the calls after it read what lies there then; zero at first.
  virtual void* input(size_t /*ordinal*/) { return nullptr; }
  // An output of the last call where the host reads it, until the next call; zero before the first.
  virtual const void* output(size_t /*ordinal*/) { return nullptr; }
  // The same where the device has it; each call writes it anew.
  virtual std::shared_ptr<const DeviceBuffer> output_buffer(size_t /*ordinal*/) { return nullptr; }
  // The same to be kept: the next call leaves it as it is, and writes elsewhere. Null before the first call,
  // and where the host has the output already, which costs no less to copy.
  virtual std::shared_ptr<const DeviceBuffer> keep_output(size_t /*ordinal*/) { return nullptr; }
};

// How far results may be off where each operation has a relative error of `unit`.
struct Roundings {
  double unit;
  std::vector<HostTensor> outputs = {};           // in the order of the outputs
  std::map<std::string, HostTensor> states = {};  // of those that are written
};

struct Call {
  // In the order of Executable::inputs() and outputs(), row-major host memory; outputs are written whole.
  // Null: it lies in the context's memory, where there is any.
  std::span<const void* const> inputs;
  std::span<void* const> outputs;
  uint64_t seed = 0;
  uint32_t step = 0;
  Profile* profile = nullptr;      // where to write how long each kernel took; null costs nothing
  Roundings* roundings = nullptr;  // what the reference fills in, if it is asked to; others do not
  // By input what the device reads in its place, or null; none where this is empty. It has to be there until
  // the call has ended.
  std::span<const DeviceBuffer* const> bound = {};
  // What ranks compare before they make something together: hashes of the program and step, and of the
  // inputs.
  uint64_t program_mark = 0, data_mark = 0;
  // Whether no other call uses the state, or is started on it, until run() or start() has returned: then the
  // state's arena is for it, which all such calls have in common.
  bool has_state_alone = false;
};

// One function of a program, compiled for one device: immutable. Runs at the same time need a context each,
// and state that none of them writes.
class Executable {
 public:
  virtual ~Executable() = default;
  virtual const std::vector<TensorSpec>& inputs() const = 0;
  virtual const std::vector<TensorSpec>& outputs() const = 0;
  virtual std::unique_ptr<Context> make_context() const = 0;
  // Throws RuntimeError where a check failed; state is then as it was before.
  virtual void run(Context& context, StateStore& state, const Call& call) const = 0;

  // run() in two parts, between which the host may do other things: what is started first runs first, and
  // `context` is for nothing else until wait() has been called. A device that computes on the host does all
  // in start(), and throws there. Outputs stay in the context's memory, where it has any.
  virtual void start(Context& context, StateStore& state, const Call& call) const {
    run(context, state, call);
  }
  // Whether all checks held. Any thread may start other calls meanwhile.
  virtual bool wait(Context& /*context*/) const { return true; }
  // Throws RuntimeError that says which did not, after wait() and while no call writes `state`.
  virtual void throw_fault(Context& /*context*/, StateStore& /*state*/) const {}
};

// A piece of memory of a compiled program.
struct Slot {
  enum class Kind : uint8_t { input, output, state, arena, constant };

  Kind kind = Kind::arena;
  size_t ordinal = 0;  // input, output: position in the call. state: in the store
  int64_t offset = 0;  // arena: bytes from its start
  int64_t bytes = 0;
  std::vector<std::byte> data;  // constant
};

// A check that can fail, and how to tell it.
struct FaultSite {
  enum class Kind : uint8_t { index, finite };

  Kind kind = Kind::index;
  std::string op;
  std::string subject;
  Shape shape;
  int64_t bound = 0;
  std::string location;
};

// A compiled program but for its code.
struct ProgramLayout {
  std::string name;
  std::vector<TensorSpec> inputs, outputs;
  std::vector<Slot> slots;
  std::vector<FaultSite> faults;
  std::vector<KernelInfo> infos;  // by kernel
  int64_t arena_bytes = 0;
};

// Throws RuntimeError where a call has another number of inputs or outputs.
void check_call(const ProgramLayout& layout, const Call& call);

// State in host memory, for devices that compute there.
class HostState final : public StateStore {
 public:
  explicit HostState(std::vector<TensorSpec> specs);
  void set(std::string_view name, const HostTensor& value) override;
  HostTensor get(std::string_view name) const override;
  const std::vector<TensorSpec>& specs() const override { return specs_; }
  std::unique_ptr<StateStore> with(const StateStore& other,
                                   std::span<const std::string> names) const override;

  HostTensor& at(size_t index) { return tensors_[index]; }
  Arena& arena() { return *arena_; }

 private:
  std::vector<TensorSpec> specs_;
  std::vector<HostTensor> tensors_;
  std::shared_ptr<Arena> arena_ = std::make_shared<Arena>();
};

// Where in a tensor an element stands: "[3,2]".
std::string position_text(const Shape& shape, int64_t position);
// " at position [3,2]"; "" in a single value, where there is one.
std::string at_position(const Shape& shape, int64_t position);
// The message of a failed index check, one wording for every backend:
// "gather: index 1000 at position [3,2] of 'ids' is outside [0,1000) (model.cpp:12, in words)".
std::string index_fault_message(std::string_view op, std::string_view input, const Shape& shape,
                                int64_t position, std::optional<int64_t> value, int64_t bound,
                                std::string_view location);
// "loss is not finite: nan at position [0] (train.cpp:30)".
std::string finite_fault_message(std::string_view what, const Shape& shape, int64_t position,
                                 std::optional<double> value, std::string_view location);
// Throws RuntimeError with the one of these that a site calls for, NotFinite with the latter. `bits` is the
// value that failed, where it is known: an i64, or a double's bits.
[[noreturn]] void raise_fault(const FaultSite& site, int64_t position, std::optional<int64_t> bits);

}  // namespace sinter::runtime
