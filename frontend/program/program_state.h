#pragma once

#include <fmt/format.h>
#include <sinter/error.h>
#include <sinter/program.h>

#include <atomic>
#include <deque>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <shared_mutex>
#include <string>
#include <utility>
#include <vector>

#include "backends/backend.h"
#include "frontend/base/ranges.h"
#include "frontend/base/translate.h"
#include "frontend/program/variant.h"
#include "frontend/trace/state_table.h"
#include "frontend/trace/trace.h"
#include "runtime/executable.h"
#include "runtime/fair_shared_mutex.h"
#include "runtime/passing_readers.h"

namespace sinter {

// A call between its two parts.
struct Started {
  uint32_t step = 0;
  bool has_ended = false;  // as it is profiled
};

// What a Program is: its functions as they were added, what they have become, and the state they share. Once
// compiled, all that is not behind one of its mutexes stays as it is, so that any number of threads may use
// it.
struct SINTER_INTERNAL ProgramState {
  struct Link {
    template <typename... Args>
    explicit Link(Link* before, Args&&... args) : variant(std::forward<Args>(args)...), next(before) {}

    Variant variant;
    Link* next;  // the one made before, or nullptr
  };
  struct Added {
    std::string name;
    std::vector<Input> inputs;
    Program::Body body;
    FunctionOptions options;
    DimSizes session_dims = {};      // of the state of sessions that it uses, as compile traced it,
    std::string session_state = {};  // and one of these, or ""
    std::deque<Link> links = {};     // its variants; for who traces, as parts are
    Trace::Parts parts = {};         // what it was made from
    std::atomic<Link*> newest = nullptr;
  };

  std::deque<Added> added;
  bool compiled = false;
  CompileOptions options;
  StateTable table;
  std::unique_ptr<backends::Device> device;

  void compile(const CompileOptions& given, const std::source_location& where);
  void check_compiled(std::string_view what) const;
  Added& find(std::string_view name);
  const Variant& usual(const std::string& name);  // the one that compile traced
  // Of what the function reads, the trainable parameters that no optimiser of the program was given, where it
  // has one.
  std::vector<std::string> untrained(const std::string& function);
  // Of these sizes, traced where nobody has asked for them before. What is known is found without a lock.
  Variant& variant(const std::string& name, const DimSizes& dims);
  // The same for a session that has sizes for all Dims of its state.
  Variant& variant(const std::string& name, const DimSizes& dims, const DimSizes& session);
  // Of the program and, of the session whose state is in `session`, those that the variant uses.
  std::unique_ptr<runtime::StateStore> state_for(const Variant& variant,
                                                 const runtime::StateStore& session) const {
    return store_->with(session, variant.session_states());
  }
  // `dims`, and a size for every Dim that has none, by the arrays. Throws Error where they are not the
  // inputs.
  DimSizes solve(const std::string& name, const Arrays& arrays, const DimSizes& dims);
  passes::Options switches() const;
  Code& code_of(Variant& variant) const;
  // `call` needs inputs, outputs and, where the function writes no state, a number instead of the step. One
  // that does has the state to itself, and counts a step where it succeeds; others run beside each other.
  void run(const Variant& variant, const Code& code, runtime::Context& context, const runtime::Call& call);
  // The same in two parts. What is started later comes after it. `joined`, if there is any, is what state_for
  // made of the state.
  Started start(const Variant& variant, const Code& code, runtime::Context& context,
                const runtime::Call& call, runtime::StateStore* joined);
  void wait(const Variant& variant, const Code& code, runtime::Context& context, const Started& started,
            runtime::StateStore* joined);

  // Whether it lies on a device where this one's functions read it; and the array where they do.
  bool is_here(const Array& array) const;
  Array bring_here(const Array& array) const;

  // What `use` makes of the store and the step, between two calls that write.
  template <typename Use>
  auto reading(Use use) const {
    const auto read = [&] { return translated([&] { return use(std::as_const(*store_), step_.load()); }); };
    if (is_written_) {
      const std::shared_lock<runtime::FairSharedMutex> lock(state_mutex_);
      return read();
    }
    const std::shared_lock<runtime::PassingReaders> lock(passing_readers_);
    return read();
  }
  // Lets `use` write to the store and the step between two calls.
  template <typename Use>
  void writing(Use use) {
    const std::lock_guard<runtime::FairSharedMutex> lock(state_mutex_);
    const std::lock_guard<runtime::PassingReaders> none(passing_readers_);
    translated([&] { use(*store_, step_); });
  }
  uint32_t step() const { return step_; }
  uint32_t next_call() { return calls_++; }  // the number of a call that is of no Function

  void start_profile();
  // What `use` makes of the profile. Throws Error that names `what` where none was started.
  template <typename Use>
  auto with_profile(std::string_view what, Use use) const {
    const std::lock_guard<std::mutex> lock(profile_mutex_);
    if (profile_ == nullptr) throw Error(fmt::format("{}: start the profile first", what));
    return translated([&] { return use(std::as_const(*profile_)); });
  }
  // The same of a pointer to it, null where none was started.
  template <typename Use>
  auto with_any_profile(Use use) const {
    const std::lock_guard<std::mutex> lock(profile_mutex_);
    return translated([&] { return use(std::as_const(profile_).get()); });
  }

 private:
  Variant& trace_first(Added& function);
  // `dims`, and the usual sizes of the other Dims of the inputs.
  void check_sizes(const Ranges& ranges) const;
  void check_dims(const Ranges& ranges) const;
  DimSizes bind(const Added& function, const DimSizes& dims) const;
  static Variant* known(const Added& function, const DimSizes& sizes);
  // With `trial`, for Dims that state of sessions alone has.
  Variant& trace(Added& function, const DimSizes& sizes, std::optional<int64_t> trial = {});
  // What the function does, of these sizes; and that as micro-batches, where it is to be cut into such.
  static void build_body(const Added& function, Trace& trace, const DimSizes& sizes);
  void split_batch(const Added& function, graph::Module& module, const std::string& name,
                   const DimSizes& sizes);
  // Lets `execute` take the call with what it needs besides, while it has the state; gives its step or
  // number.
  template <typename Execute>
  uint32_t calling(const Variant& variant, runtime::Call call, Execute execute);
  bool run_profiled(const Code& code, runtime::Context& context, runtime::Call call,
                    runtime::StateStore& store);
  Variant& variant_of(Added& function, const DimSizes& sizes);

  std::mutex trace_mutex_;
  std::set<Dim> bound_dims_;  // by what compile traced
  bool is_written_ = false;   // by some function: then readers take the mutex, else they pass
  mutable runtime::FairSharedMutex state_mutex_;
  mutable runtime::PassingReaders passing_readers_;
  std::unique_ptr<runtime::StateStore> store_;
  std::atomic<uint32_t> step_ = 0;
  std::atomic<uint32_t> calls_ = 0;
  mutable std::mutex profile_mutex_;  // taken last; calls that are profiled run one after the other
  std::atomic<bool> is_profiled_ = false;
  std::unique_ptr<runtime::Profile> profile_;
};

}  // namespace sinter
