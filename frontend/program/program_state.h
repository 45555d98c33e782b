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
#include <string>
#include <utility>
#include <vector>

#include "backends/backend.h"
#include "frontend/base/ranges.h"
#include "frontend/calls/callee.h"
#include "frontend/compile/bundle.h"
#include "frontend/program/variant.h"
#include "frontend/trace/state_table.h"
#include "frontend/trace/trace.h"
#include "passes/shard/shard.h"

namespace sinter {

class ProgramCallee final : public Callee {
 public:
  ProgramCallee(ProgramState& of, Variant& variant, std::shared_ptr<ProgramState> program);

  void check() const override { variant_->training().check(name()); }
  bool checks_numerics() const override;
  std::string why_not_finite(const backends::RepeatedCall& call, std::string_view fault) const override;
  const backends::Rows& rows() const override;
  uint64_t identity() const override { return variant_->identity(); }

 private:
  ProgramState* of_;
  Variant* variant_;
  std::shared_ptr<ProgramState> program_;  // which it lets live
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
  SharedState shared;

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
  // `dims`, and a size for every Dim that has none, by the arrays. Throws Error where they are not the
  // inputs.
  DimSizes solve(const std::string& name, const Arrays& arrays, const DimSizes& dims);
  passes::Options switches() const;
  Code& code_of(Variant& variant) const;
  // What it does row by row of its batch: the Dim that leads the first input which one leads.
  const backends::Rows& rows_of(Variant& variant);
  // What calls of it are made with. A Function has `program`, which is this one, with it.
  ProgramCallee callee(Variant& variant, std::shared_ptr<ProgramState> program = nullptr);

  // Whether this rank has the state, and not another one alone.
  bool keeps(std::string_view state) const;
  // By state, the rank that alone has it.
  const passes::Owners& owners() const { return owners_; }
  // That share its steps; 1: the process is alone.
  int ranks() const { return options.communicator == nullptr ? 1 : options.communicator->size(); }

 private:
  Variant& trace_first(Added& function);
  // `dims`, and the usual sizes of the other Dims of the inputs.
  void check_sizes(const Ranges& ranges) const;
  void check_dims(const Ranges& ranges) const;
  DimSizes bind(const Added& function, const DimSizes& dims) const;
  static Variant* known(const Added& function, const DimSizes& sizes);
  // With `trial`, for Dims that state of sessions alone has.
  Variant& trace(Added& function, const DimSizes& sizes, std::optional<int64_t> trial = {});
  // What the function does, of these sizes; and that as micro-batches, where it is to be cut into such, those
  // of this rank where there are several. Gives then the Variant's identity.
  static void build_body(const Added& function, Trace& trace, const DimSizes& sizes);
  uint64_t split_batch(const Added& function, const Trace& traced, graph::Module& module,
                       const std::string& name, const DimSizes& sizes);
  void agree();  // Throws Error where ranks have been compiled from different programs.
  // Deals the state that only steps of all ranks use to these, and leaves this one's updates of it.
  void shard();
  passes::Sharding sharding_of(const Added& function, const std::string& name) const;
  std::vector<graph::State> kept_states() const;  // those of other ranks without elements
  void check_strict(const graph::Module& module, const std::string& name) const;
  Variant& variant_of(Added& function, const DimSizes& sizes);

  Attempt attempt_;  // what its variants are compiled for
  std::mutex trace_mutex_;
  std::set<Dim> bound_dims_;  // by what compile traced
  passes::Owners owners_;
};

}  // namespace sinter
