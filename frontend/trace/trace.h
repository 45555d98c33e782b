#pragma once

#include <sinter/parameters.h>
#include <sinter/program.h>
#include <sinter/tensor.h>
#include <sinter/variable.h>

#include <atomic>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <source_location>
#include <string>
#include <unordered_map>
#include <vector>

#include "frontend/trace/state_table.h"
#include "ir/graph/builder.h"

namespace sinter {

namespace nn {
class Module;
}

// What a Tensor is: a value of one function of the graph. `frame` tells which, so that a tensor that strays
// is found out.
struct Node {
  graph::Value value;
  uint64_t frame;
  DType dtype;
  Shape shape;
};

// One function of a program while it is being built: what operations append to, where they stand, and which
// state they use. One at a time on a thread.
class SINTER_INTERNAL Trace {
 public:
  Trace(graph::Module& module, StateTable& states, const std::string& function, bool training,
        DimSizes sizes);
  Trace(const Trace&) = delete;
  Trace& operator=(const Trace&) = delete;
  ~Trace();

  // The thread's trace. Throws Error, naming `what` was to be done, where there is none.
  static Trace& current(std::string_view what, const std::source_location& where,
                        const std::string& scope = "");
  static Trace* active();  // or nullptr

  bool training() const { return training_; }
  graph::Module& module() { return *module_; }

  // The builder of the innermost function, set to the place of `where`.
  graph::Builder& builder(const std::source_location& where);
  Tensor wrap(graph::Value value) const;  // a value of the innermost function
  std::vector<Tensor> wrap(const std::vector<graph::Value>& values) const;
  // The tensor as a value of the innermost function, which captures it where it comes from around it.
  graph::Value use(std::string_view what, const Tensor& tensor, const std::source_location& where);
  Tensor parameter(const std::string& name, DType type, const Shape& shape);
  // The shape, by the sizes of the Dims. Throws Error as fail does where one has none, or does not fit.
  Shape bind(std::string_view what, const Extents& extents, const std::source_location& where);
  const std::set<Dim>& bound_dims() const { return bound_dims_; }  // those asked for by bind
  // The size of the Dims that state of a session has and nothing else, while it is of no session.
  void set_session_trial(int64_t size) { session_trial_ = size; }
  // The Dims of the state of sessions that the function uses, with their sizes, and the names of that state.
  const DimSizes& session_dims() const { return session_dims_; }
  const std::vector<std::string>& session_states() const { return session_states_; }

  // Where an operation that was asked for at `where` stands.
  graph::Location place(const std::source_location& where) const;
  // Throws Error "what: message (file:line, in scope)", in the name of the pinned function, if there is one.
  [[noreturn]] void fail(std::string_view what, std::string_view message,
                         const std::source_location& where) const;

  void push_scope(std::string path) { scopes_.push_back(std::move(path)); }
  void push_scope(const nn::Module& module);
  void pop_scope() { scopes_.pop_back(); }
  // While pinned, operations stand at the place of the first pin: that of the call of a layer or a function
  // of the library, not the library's own lines.
  void pin(std::string_view what, const std::source_location& where) {
    pins_.push_back({std::string(what), where});
  }
  void unpin() { pins_.pop_back(); }
  // A message of the graph's builder, which speaks of one of its operations, in the name of the function that
  // was called: the pinned one, or else `what`.
  std::string told_by(std::string_view what, std::string_view message) const;

  // A key for random numbers: of the scope, and of the how manieth use of randomness in it.
  int64_t random_key();
  // The number of the iteration inside a loop; no value outside of one.
  graph::Value salt();

  Tensor read(const Variable& variable, const std::source_location& where);
  // The variable reads as the tensor until it is restored.
  void replace(const Variable& variable, const Tensor& tensor) { replaced_[&variable] = tensor; }
  void restore(const Variable& variable) { replaced_.erase(&variable); }
  void assign(const Variable& variable, const Tensor& value, const std::source_location& where);
  // What an optimiser makes of a parameter; throws Error where one did already.
  void update(const Variable& parameter, const Tensor& value, const std::source_location& where);
  // The place of the last assignment to it; none where there was none.
  std::optional<graph::Location> assigned_at(const Variable& variable) const;

  // The trainable ones of the variables read so far and, where they are given, of `among`.
  std::vector<const Variable*> trainable_reads(const Parameters& among = {});
  // Whether it is trainable, on which the function depends from then on.
  bool may_train(const Variable& variable);
  // A variable, as what it reads as before or after an assignment: where gradients for it end. `user` is an
  // operation that reads it.
  struct Reading {
    const Variable* variable;
    graph::Value value;
    graph::Location user;
  };
  // Those on the ways of gradients from a value.
  std::vector<Reading> readings(const Tensor& from);
  Tensor outermost(graph::Value value) const;  // a value of the outermost function

  // Writes the assigned state and sets the function's outputs.
  void finish(const Outputs& outputs);
  bool writes_state() const;  // of the program
  Training trains() const;
  // The variables and modules that the function is made from, by their paths: what must be there to trace it
  // again.
  using Parts = std::map<std::string, std::weak_ptr<const void>>;
  const Parts& parts() const { return parts_; }

  // A function inside this one: what is built between open and close becomes its body.
  enum class Nested { block, loop };
  void open(std::string_view name, Nested kind);
  struct Closed {
    graph::Function* function;
    std::vector<graph::Value> captured;  // values around it, for the parameters after its own
    bool salted;                         // before those, it takes the iteration's number
  };
  Closed close(const std::vector<Tensor>& outputs, const std::source_location& where);
  void abandon();  // instead of close, where building the body failed

 private:
  struct Frame {
    uint64_t id;
    Nested kind;
    graph::Function* function;
    graph::Builder builder;
    graph::ValueMap<graph::Value> captures;
    std::vector<graph::Value> captured;
    graph::Value salt;
  };
  struct Usage {
    const Variable* variable;
    std::string path;
    Shape shape;
    std::weak_ptr<const void> alive;
    std::vector<graph::Value> leaves;        // what it was read as, one after another
    Tensor now;                              // what it reads as
    std::optional<Tensor> assigned;          // last
    bool is_leaf;                            // `now` is the last leaf
    std::optional<graph::Location> updated;  // by an optimiser
    graph::Location location;                // of the last assignment
  };

  struct PinnedCall {
    std::string what;
    std::source_location where;
  };

  Frame& push_frame(std::string name, Nested kind);
  graph::Value capture(Frame& frame, graph::Value outer);
  Usage& usage(const Variable& variable);
  Shape session_shape(const Variable& variable);
  const Usage* find_usage(const Variable& variable) const;

  graph::Module* module_;
  StateTable* states_;
  bool training_;
  DimSizes sizes_;
  std::set<Dim> bound_dims_;
  std::optional<int64_t> session_trial_;
  DimSizes session_dims_;
  std::vector<std::string> session_states_;
  Trace* previous_;
  std::deque<Frame> frames_;
  std::vector<std::string> scopes_;
  std::vector<PinnedCall> pins_;
  std::map<std::string, uint32_t> random_uses_;
  std::vector<Usage> usages_;
  std::map<const Variable*, Tensor> replaced_;
  int nested_ = 0;
  Parts parts_;
  std::vector<const Variable*> asked_for_;  // whether they are trainable
};

// Pins the current trace while `what`, a function that is made from others, builds its operations.
class SINTER_INTERNAL Pin {
 public:
  Pin(std::string_view what, const std::source_location& where, const std::string& scope = "");
  Pin(const Pin&) = delete;
  Pin& operator=(const Pin&) = delete;
  ~Pin();

  // Throws Error "what: message" with the place.
  [[noreturn]] void fail(std::string_view message) const { trace_.fail(what_, message, where_); }

 protected:
  Trace& trace_;

 private:
  std::string what_;
  std::source_location where_;
};

// The same of a layer or an optimiser, which has a scope of its own.
class Call : public Pin {
 public:
  Call(std::string_view what, const nn::Module& layer, const std::source_location& where);
  Call(std::string_view what, std::string path, const std::source_location& where);
  ~Call();
};

}  // namespace sinter
