#pragma once

#include <sinter/array.h>
#include <sinter/export.h>
#include <sinter/extent.h>
#include <sinter/function.h>
#include <sinter/processes/communicator.h>
#include <sinter/tensor.h>
#include <sinter/training/report.h>

#include <cstddef>
#include <functional>
#include <initializer_list>
#include <map>
#include <memory>
#include <source_location>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace SINTER_EXPORT sinter {

struct Input {
  std::string name;
  DType dtype = f32;
  Extents shape = {};
};

// The inputs of the function being traced, by name.
class Inputs {
 public:
  explicit Inputs(std::string function, std::map<std::string, Tensor> tensors);
  const Tensor& operator[](const std::string& name) const;  // throws Error that lists the names

 private:
  std::string function_;
  std::map<std::string, Tensor> tensors_;
};

using Outputs = std::vector<std::pair<std::string, Tensor>>;  // {{"loss", loss}, {"scores", scores}}

struct FunctionOptions {
  bool training = false;  // dropout is active, batch normalisation uses the batch
  // Into how many micro-batches of equal size a call cuts its batch: it goes over one after the other, so
  // that its memory is that of one, and its results are those of the whole batch, to rounding. The batch is
  // the Dim that leads the first input which one leads, and inputs that have it are cut along it. Sums,
  // means, extrema and contractions over the batch, losses and gradients of them are the whole batch's: a
  // weighted mean is divided once by all weights. Random numbers count its rows. What a model makes of all
  // rows and uses for rows again is of the micro-batch: batch normalisation's statistics (running ones get
  // their mean), a softmax, sort or running sum along the batch. What micro-batches come to is added along a
  // fixed tree, as docs/processes.md has it. The body is called for both sizes. Throws
  // Error, when it is compiled, where the batch does not divide, a certain row of it or all pairs of rows are
  // taken.
  int64_t micro_batches = 1;
};

struct CompileOptions {
  std::string device = "cpu";  // "cpu", "reference", "vulkan", "vulkan:1"
  // What device "cpu" compiles for: "native", this machine, or another by the name that LLVM has for it:
  // "x86-64-v3", "haswell", "znver3". Its code runs where all that such a processor has is there.
  std::string target = "native";
  int threads = 0;     // 0: the cores that this process may use; at most 1024
  uint64_t seed = 0;   // of the parameters' beginning and of every random number
  DimSizes dims = {};  // Dims left out are free: each call has its own sizes
  // Who takes part in steps that train; null: this process alone. A training function is gone over by all
  // ranks together, its micro-batches shared among them, and comes to the same, bit for bit, with any number
  // of them. Other functions each rank runs by itself.
  std::shared_ptr<Communicator> communicator = nullptr;
  bool fuse = true;  // group operations into kernels; off: one kernel an operation
  // Whether a NaN or infinity in an output or in a state that a call writes fails the call, which changes
  // nothing then. The Error names the first op that gives one, its line, module and step, and the ranges of
  // its inputs. The call is repeated for that, op by op as it is written, on the reference interpreter, so
  // that the answer is the same on every device, whatever was fused; the device's own finding is told where
  // its rounding alone is to blame. An infinity counts, and a NaN, only where an output, state or
  // check_finite goes back to it element by element: what a select leaves out or a division makes zero of
  // does not. Infinities that are constants, or were in inputs or states, are meant to be there, as in masks:
  // named is the op that makes a NaN of one. Calls end in Function::start, and compiled code copies state
  // that it would update in place. Integers are not checked.
  bool check_numerics = false;
  bool verify = false;  // check the graph after every pass of the compiler
  // Whether what falls back is an Error, of compile and where sizes are new, that names each op, its line and
  // the reason, as explain does: attention that is no kernel of its own, a product that is not computed in
  // tiles, a device that executes ops on the host.
  bool strict = false;
};

// The state that a tensor of a file is, or those that it is split into: {"query.weight", "key.weight"}.
class LoadStates {
 public:
  LoadStates(std::string state) : all_{std::move(state)} {}
  LoadStates(const char* state) : all_{state} {}
  LoadStates(std::initializer_list<std::string> states) : all_(states) {}

  const std::vector<std::string>& all() const { return all_; }

 private:
  std::vector<std::string> all_;
};

// Which state a tensor of a file is. Each `*` of `tensor` stands for any characters, as few as will do from
// the left, and those of a state for the same in turn: {"encoder.layer.*.weight", "blocks.*.weight", {1, 0}}.
struct LoadName {
  std::string tensor;
  LoadStates state;
  std::vector<int64_t> transpose =
      {};            // axis i of the state is axis transpose[i] of the tensor; {}: as it lies
  int64_t axis = 0;  // of the tensor, along which it is split where it is several states
};

struct LoadOptions {
  bool ignore_unknown = false;     // pass over tensors that are no state: an optimiser's moments, say
  bool ignore_missing = false;     // let states that the file has not keep what they hold
  bool ignore_mismatched = false;  // the same where the file's has another type or shape: another head, say
  // Of a tensor's names the first that fits; without one it is the state of its own name.
  std::vector<LoadName> names = {};
};

// What Program::load did.
struct LoadReport {
  struct Loaded {
    std::string state;
    std::string tensor;  // its name in the file
  };
  struct Mismatched {
    std::string state;
    std::string tensor;
    std::string what;  // "state 'a.weight' is f32[2,3], got f32[2,4] as 'x'"
  };
  std::vector<Loaded> loaded;                   // in the order of states()
  std::vector<std::string> missing;             // states that the file has not, which kept what they held
  std::vector<std::string> unknown;             // tensors of the file that are no state
  std::vector<Mismatched> mismatched;           // of another type or shape: these states kept what they held
  std::map<std::string, std::string> metadata;  // the file's
};

struct ExportOptions {
  std::string name;                         // of the files, and what each symbol begins with
  std::vector<std::string> functions = {};  // {}: all
  // Sizes to compile the functions for, one after the other; Dims left out have those of compile(). A
  // function that has several is called by them, "predict_batch_32". {}: once.
  std::vector<DimSizes> dims = {};
  std::string target = "";  // as CompileOptions::target, AArch64 too: "aarch64"; empty: that of compile()
};

// What Program::check has found.
struct CheckReport {
  int64_t kernels = 0;       // that gave what they should
  std::string disagreement;  // of the first that did not: its name, its worst element, its ops and their
                             // source lines; empty where all agree
};

// All state of a program at one moment.
struct Snapshot {
  Arrays states;  // copies, by name
  uint32_t step = 0;
  uint64_t seed = 0;

  // As Program::save; `metadata` may say what it likes, but for "step" and "seed".
  void save(const std::string& path, const std::map<std::string, std::string>& metadata = {}) const;
};

class Session;
struct ProgramState;

// Functions that are compiled together and share their state: parameters, moments, running statistics.
//
//   Program program;
//   program.add("predict", {{"ids", i32, {batch, 10}}}, [&](const Inputs& in) -> Outputs {
//     return {{"scores", model(in["ids"])}};
//   });
//   program.compile({.device = "cpu", .dims = {{"batch", 32}}});
//   Arrays result = program.run("predict", {{"ids", ids}});
//
// What can be trained when it is compiled is trained, for all sizes: a call of a function that trains throws
// Error where a parameter of it was frozen or unfrozen since. What the functions refer to (models,
// optimisers) must live as long as the program: Error is thrown where a size is asked for that is new and a
// module or state is gone by then. A call that fails, also one in which an index is out of range or a checked
// value not finite, changes no state.
//
// Threads: adding, compiling and moving a program are for one thread, before others have it. Then any number
// of threads may call all the rest at once, on one program or on several that share no model. Each call gets
// its own answer. Calls of functions that write no state run beside each other, and where no function of the
// program writes any, they take no lock; one of a function that writes has the state to itself. Who has to
// wait gets its turn in the order of coming. A size that is new is compiled by whoever asks first; others
// that need it wait, and nobody else.
class Program {
 public:
  using Body = std::function<Outputs(const Inputs&)>;

  Program();
  Program(Program&&) noexcept;
  Program& operator=(Program&&) noexcept;
  ~Program();

  // Before compile. `body` builds the function's graph; it is called once for each binding of dims, and by
  // compile with a small size for those that have none, to see mistakes and state.
  void add(const std::string& name, std::vector<Input> inputs, Body body, FunctionOptions options = {});
  // Traces every function, opens the device and sets the state to its beginning. Machine code for a function
  // is made when it is first asked for.
  void compile(const CompileOptions& options = {},
               std::source_location where = std::source_location::current());

  // A call bound to its own inputs and outputs, of a function that uses no state of a session. With `dims`,
  // for other sizes than those compile was given, which were none for those that are free; the state is the
  // same one. Throws Error where a Dim has no size, is not of the function, or an extent made from it is not
  // whole. A Function is for one thread at a time, which each makes for itself.
  Function function(const std::string& name, const DimSizes& dims = {});
  // One call: every input by name, all outputs as arrays of their own. A free Dim gets its size from the
  // first input that has it, and the others must agree; the code for new sizes is made when they first come.
  // It keeps the memory that a call needs for the next, once for each of the calls that were under way at
  // once. Nobody may write to `inputs` meanwhile; those that lie on the device are read there, others are
  // copied to it. On a device with memory of its own, outputs of more than 64 KiB stay there.
  Arrays run(const std::string& name, const Arrays& inputs, const DimSizes& dims = {});

  // The array where the device's functions read it without a copy: a data set, say, or weights, for
  // Function::bind and run(). It is there for every program on that device, for as long as an array has it.
  // On devices that compute in host memory it is `array` itself, which nobody may write to while a function
  // reads it. Throws Error before compile, and where the device has no room.
  Array upload(const Array& array) const;

  // A use of its own of what the functions keep in nn::Cache, at its beginning, with a size for every Dim of
  // such state that compile was given none for. Throws Error where one has none, no such state has the Dim,
  // or no function uses any.
  Session session(const DimSizes& dims = {}) const;

  std::vector<std::string> functions() const;
  // What it was compiled with, or null.
  const std::shared_ptr<Communicator>& communicator() const;

  // State, in order of first use. With several ranks, what only their common steps use, moments say, is kept
  // by one of them, whom alone state() may ask for it; snapshot() and save() have all of it, and are for all
  // ranks together. The first one writes the file.
  std::vector<TensorInfo> states() const;
  Array state(std::string_view name) const;  // a copy
  // All of it as one call left it, whatever other threads train meanwhile; single calls of state may be of
  // two steps.
  Snapshot snapshot() const;
  void set_state(std::string_view name, const Array& value);
  // How many successful calls wrote state: what random numbers of functions that write state depend on
  // besides the seed. Those of others depend on the number of the call: of Program::run, 0 for the first call
  // of such a function that the program has had, then 1 and so on; of a Function, see set_call. These numbers
  // are not saved.
  uint32_t step() const;
  void set_step(uint32_t step);
  // Every state, the step and the seed as a safetensors file, of one moment as snapshot() has it.
  void save(const std::string& path) const;
  // From a safetensors file, Sinter's or not; the step stays where the file has none, and f16 and bf16 are
  // widened for states of f32. Throws Error, and
  // changes nothing, where a state is missing, has another type or shape, or is unknown to the program,
  // unless told otherwise, or two tensors are one state; other threads see none of what it loads or all.
  LoadReport load(const std::string& path, const LoadOptions& options = {});

  // The functions for programs without a compiler. On "cpu" for programs in C, which need no Sinter:
  // FOLDER/NAME.o, and FOLDER/NAME.h, which says how to call them. On "vulkan" as FOLDER/NAME.sinter, which
  // ExportedProgram plays. Where they have state, FOLDER/NAME.safetensors holds it as it is now. What save()
  // writes is such a file as well where the functions use all state. Throws Error where there is no such
  // function or Dim, the target is unknown, the device is neither, or a function uses state of a session.
  void export_to(const std::string& folder, const ExportOptions& options);

  // Runs every kernel of every function by itself, and then the function, on random inputs and random state,
  // on the device, and holds them against the reference interpreter: the first thing to do on a new device or
  // driver. State is not touched. What disagrees is reported, not thrown; Error is thrown where a kernel
  // cannot be compiled.
  CheckReport check() const;

  // From here on, what was noted before being forgotten, every call notes how long each kernel took; they run
  // one at a time then. Device "reference" has no kernels, and notes nothing.
  void start_profile();
  // Since then, a line for each kernel, the longest first: launches, microseconds a launch, share of the
  // time, threads busy, GFLOP/s, GB/s, and the source lines that it came from. Throws Error before
  // start_profile.
  std::string profile() const;
  // The same in time, for Perfetto (ui.perfetto.dev): one file of trace events, of the first calls where
  // there are many. Throws Error before start_profile, and where the file cannot be written.
  void save_trace(const std::string& path) const;

  // The graph of a function and the states it uses as text, before any pass: what sinter-opt reads. Throws
  // Error before compile, as check, explain and memory do.
  std::string text(const std::string& name, bool locations = true) const;
  // What the function becomes on the device, kernel by kernel: the ops in each and their source lines, flops,
  // bytes, and why others stand apart; and the trainable parameters that no optimiser of the program was
  // given; with several ranks, what this one sends. For the dims of compile(); a free one has a small size.
  std::string explain(const std::string& name) const;
  // How much memory it needs besides inputs, outputs and state: bytes, and what lies there when most does,
  // with the source line that made each. It is made for the first call. Functions that write state have it in
  // common, whatever their sizes: as much as the largest of them that has run needs. Others have it for each
  // Function, and for each call of Program::run that is under way.
  std::string memory(const std::string& name) const;
  // All of that to look at in a browser: one file of HTML, which asks no network for anything. The kernels as
  // a graph that is folded by module, dragged, zoomed and searched; of each its ops and their source lines,
  // what its schedule chose, loops and code, flops and bytes, and where a profile was started how long it
  // took; what lies in memory when; and what the options add. Throws Error where the file cannot be written.
  void report(const std::string& path, const ReportOptions& options = {}) const;

 private:
  std::shared_ptr<ProgramState> state_;
};

// One use of a program whose functions keep state from call to call that is not the program's: the caches of
// a text that is being generated, say (nn::Cache). Any number of them share the program's parameters.
//
//   Session session = program.session({{"time", 512}});
//   Function extend = session.function("extend");
//
// It may be dropped before its functions. It and they are for one thread at a time; those of other sessions,
// and other calls of the program, may run at once, as Program says.
class Session {
 public:
  Session(Session&&) noexcept;
  Session& operator=(Session&&) noexcept;
  ~Session();

  // As Program::function, on this session's state and for its sizes; `dims` are those of Dims that no state
  // of a session has. Functions that use no state of a session may be asked for too. Where it writes state of
  // the session alone, it counts as one that writes none: its random numbers follow the number of the call.
  Function function(const std::string& name, const DimSizes& dims = {});

  std::vector<TensorInfo> states() const;    // its own, in order of first use
  Array state(std::string_view name) const;  // a copy
  void set_state(std::string_view name, const Array& value);
  void reset();  // all of it to its beginning

  struct State;

 private:
  friend class Program;
  explicit Session(std::shared_ptr<State> state);

  std::shared_ptr<State> state_;
};

}  // namespace sinter
