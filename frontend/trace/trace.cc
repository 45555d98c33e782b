#include "frontend/trace/trace.h"

#include <fmt/format.h>
#include <sinter/error.h>
#include <sinter/nn/module.h>

#include <algorithm>
#include <atomic>

#include "frontend/base/convert.h"
#include "frontend/base/hash.h"
#include "frontend/base/names.h"
#include "frontend/base/place.h"
#include "frontend/base/translate.h"
#include "frontend/trace/binding.h"
#include "runtime/random.h"

namespace sinter {
namespace {

thread_local Trace* active_trace = nullptr;
std::atomic<uint64_t> next_frame{1};

}  // namespace

Trace::Trace(graph::Module& module, StateTable& states, const std::string& function, bool training,
             DimSizes sizes)
    : module_(&module),
      states_(&states),
      training_(training),
      sizes_(std::move(sizes)),
      previous_(active_trace) {
  push_frame(function, Nested::block);
  active_trace = this;
}

Trace::~Trace() {
  active_trace = previous_;
}

Trace* Trace::active() {
  return active_trace;
}

Trace& Trace::current(std::string_view what, const std::source_location& where, const std::string& scope) {
  if (active_trace != nullptr) return *active_trace;
  fail_at(what, "no function is being traced; build tensors inside one given to Program::add",
          place_of(where, scope));
}

Trace::Frame& Trace::push_frame(std::string name, Nested kind) {
  graph::Function& function = module_->add_function(std::move(name));
  return frames_.emplace_back(Frame{next_frame++, kind, &function, graph::Builder(*module_, function)});
}

graph::Location Trace::place(const std::source_location& where) const {
  return place_of(pins_.empty() ? where : pins_.front().where, scopes_.empty() ? "" : scopes_.back());
}

graph::Builder& Trace::builder(const std::source_location& where) {
  graph::Builder& builder = frames_.back().builder;
  builder.set_location(place(where));
  return builder;
}

Tensor Trace::wrap(graph::Value value) const {
  return Tensor(
      std::make_shared<const Node>(Node{value, frames_.back().id, to_public(value.dtype()), value.shape()}));
}

Tensor Trace::outermost(graph::Value value) const {
  return Tensor(
      std::make_shared<const Node>(Node{value, frames_.front().id, to_public(value.dtype()), value.shape()}));
}

std::vector<Tensor> Trace::wrap(const std::vector<graph::Value>& values) const {
  std::vector<Tensor> tensors;
  for (graph::Value value : values) tensors.push_back(wrap(value));
  return tensors;
}

void Trace::fail(std::string_view what, std::string_view message, const std::source_location& where) const {
  fail_at(pins_.empty() ? what : pins_.front().what, message, place(where));
}

std::string Trace::told_by(std::string_view what, std::string_view message) const {
  return fmt::format("{}{}", pins_.empty() ? what : pins_.front().what,
                     message.substr(std::min(message.find(':'), message.size())));
}

graph::Value Trace::use(std::string_view what, const Tensor& tensor, const std::source_location& where) {
  if (!tensor.defined()) fail(what, "the tensor is undefined", where);
  const uint64_t id = tensor.node()->frame;
  const auto home =
      std::find_if(frames_.begin(), frames_.end(), [&](const Frame& frame) { return frame.id == id; });
  if (home == frames_.end()) {
    fail(what, fmt::format("{} belongs to another function or call, which has ended", tensor.type()), where);
  }
  graph::Value value = tensor.node()->value;
  for (auto frame = home + 1; frame != frames_.end(); ++frame) value = capture(*frame, value);
  return value;
}

graph::Value Trace::capture(Frame& frame, graph::Value outer) {
  const auto known = frame.captures.find(outer);
  if (known != frame.captures.end()) return known->second;
  frame.builder.set_location(outer.op->location);
  const graph::Value inner =
      frame.builder.parameter(fmt::format("captured{}", frame.captured.size()), outer.type());
  frame.captured.push_back(outer);
  return frame.captures[outer] = inner;
}

Tensor Trace::parameter(const std::string& name, DType type, const Shape& shape) {
  return wrap(frames_.back().builder.parameter(name, {to_graph(type), shape}));
}

Shape Trace::bind(std::string_view what, const Extents& extents, const std::source_location& where) {
  Shape shape;
  for (const Extent& extent : extents) {
    int64_t size = 0;
    if (extent.dim()) {
      const std::string& name = extent.dim()->name;
      const auto known = sizes_.find(*extent.dim());
      if (known == sizes_.end()) {
        fail(what,
             fmt::format("'{0}' has no size; give one to compile or function: {{{{\"{0}\", 32}}}}", name),
             where);
      }
      size = known->second;
      bound_dims_.insert(*extent.dim());
    }
    const std::optional<int64_t> number = extent.bound(size);
    if (!number) fail(what, no_extent(extent, size), where);
    shape.push_back(*number);
  }
  return shape;
}

int64_t Trace::random_key() {
  const std::string scope = scopes_.empty() ? "" : scopes_.back();
  return runtime::mix32(fnv1a(scope) ^ runtime::mix32(random_uses_[scope]++));
}

graph::Value Trace::salt() {
  graph::Value value;
  for (Frame& frame : frames_) {
    if (value) value = capture(frame, value);
    if (frame.kind != Nested::loop) continue;
    if (!frame.salt) {
      frame.salt = frame.builder.parameter("iteration", {graph::DType::i32, {}});
    }
    if (!value) {
      value = frame.salt;
      continue;
    }
    // A loop in a loop: a number for each pair of iterations.
    const graph::Value spread = frame.builder.mul(
        value, frame.builder.constant_int(0x9e3779b1 - (int64_t{1} << 32), graph::DType::i32));
    value = frame.builder.add(spread, frame.salt);
  }
  return value;
}

const Trace::Usage* Trace::find_usage(const Variable& variable) const {
  for (const Usage& usage : usages_) {
    if (usage.variable == &variable) return &usage;
  }
  return nullptr;
}

Trace::Usage& Trace::usage(const Variable& variable) {
  for (Usage& usage : usages_) {
    if (usage.variable == &variable) return usage;
  }
  if (states_->is_sealed() && !states_->has(variable.path())) {
    throw Error(fmt::format("{}: uses state '{}', which no function had when the program was compiled",
                            frames_.front().function->name(), variable.path()));
  }
  const Shape shape = variable.is_of_session() ? session_shape(variable) : variable.shape();
  states_->declare(variable, shape, *module_);
  const std::weak_ptr<const void> alive = parts_[variable.path()] = variable.lifetime().watch();
  return usages_.emplace_back(Usage{&variable, variable.path(), shape, alive, {}, {}, {}, false, {}, {}});
}

Shape Trace::session_shape(const Variable& variable) {
  const std::string what = fmt::format("state '{}'", variable.path());
  for (const Extent& extent : variable.extents()) {
    if (extent.dim() && session_trial_) sizes_.emplace(*extent.dim(), *session_trial_);
  }
  const Shape shape = bind(what, variable.extents(), std::source_location());
  for (const Extent& extent : variable.extents()) {
    if (extent.dim()) session_dims_.insert(*sizes_.find(*extent.dim()));
  }
  session_states_.push_back(variable.path());
  return shape;
}

Tensor Trace::read(const Variable& variable, const std::source_location& where) {
  if (const auto other = replaced_.find(&variable); other != replaced_.end()) return other->second;
  Usage& entry = usage(variable);
  if (entry.is_leaf) return entry.now;
  // The whole function reads a state once, outside of any loop, and once more after an assignment.
  graph::Builder& b = frames_.front().builder;
  b.set_location(place(where));
  const graph::Value leaf = translated([&] {
    if (!entry.assigned) return b.read(variable.path());
    const graph::Value value = entry.assigned->node()->value;
    return graph::is_floating(value.dtype()) ? b.stop_gradient(value) : value;
  });
  entry.leaves.push_back(leaf);
  entry.now = outermost(leaf);
  entry.is_leaf = true;
  return entry.now;
}

void Trace::assign(const Variable& variable, const Tensor& value, const std::source_location& where) {
  const std::string what = fmt::format("assign to '{}'", variable.path());
  if (frames_.size() > 1) fail(what, "state is written outside of scan and checkpoint only", where);
  use(what, value, where);
  Usage& entry = usage(variable);
  if (value.dtype() != variable.dtype() || value.shape() != entry.shape) {
    fail(what, fmt::format("it is {}, got {}", to_string(variable.dtype(), entry.shape), value.type()),
         where);
  }
  entry.assigned = value;
  entry.is_leaf = false;
  entry.location = place(where);
}

void Trace::update(const Variable& parameter, const Tensor& value, const std::source_location& where) {
  Usage& entry = usage(parameter);
  if (entry.updated) {
    fail("update",
         fmt::format(
             "'{}' is updated a second time, first at {}; .parameters tells an optimiser which are its own",
             parameter.path(), to_string(*entry.updated)),
         where);
  }
  assign(parameter, value, where);
  usage(parameter).updated = place(where);
}

std::optional<graph::Location> Trace::assigned_at(const Variable& variable) const {
  const Usage* usage = find_usage(variable);
  return usage != nullptr && usage->assigned ? std::optional(usage->location) : std::nullopt;
}

std::vector<const Variable*> Trace::trainable_reads(const Parameters& among) {
  std::vector<const Variable*> variables;
  for (const Usage& entry : usages_) {
    if (entry.leaves.empty() || (among.given() && !std::ranges::count(among.all(), entry.variable))) continue;
    if (may_train(*entry.variable)) variables.push_back(entry.variable);
  }
  return variables;
}

bool Trace::may_train(const Variable& variable) {
  if (!std::ranges::count(asked_for_, &variable)) asked_for_.push_back(&variable);
  return variable.trainable();
}

std::vector<Trace::Reading> Trace::readings(const Tensor& from) {
  graph::ValueMap<const Variable*> leaves;
  for (const Usage& entry : usages_) {
    for (graph::Value leaf : entry.leaves) leaves[leaf] = entry.variable;
  }
  graph::ValueMap<graph::Value> outer;  // of what nested functions capture
  for (const Frame& frame : frames_) {
    for (const auto& [around, inside] : frame.captures) outer[inside] = around;
  }
  std::vector<Reading> found;
  std::vector<std::pair<graph::Value, const graph::Op*>> left{{from.node()->value, nullptr}};
  std::set<std::pair<const graph::Op*, int>> seen;
  while (!left.empty()) {
    const auto [value, user] = left.back();
    left.pop_back();
    if (!seen.insert({value.op, value.index}).second) continue;
    if (const auto leaf = leaves.find(value); leaf != leaves.end()) {
      found.push_back({leaf->second, value, user == nullptr ? value.op->location : user->location});
    } else if (const auto around = outer.find(value); around != outer.end()) {
      left.emplace_back(around->second, user);
    } else if (value.op->code != graph::OpCode::stop_gradient) {
      for (graph::Value operand : value.op->operands) left.emplace_back(operand, value.op);
    }
  }
  return found;
}

bool Trace::writes_state() const {
  return std::any_of(usages_.begin(), usages_.end(),
                     [](const Usage& entry) { return entry.assigned && !entry.variable->is_of_session(); });
}

Training Trace::trains() const {
  Training training;
  for (const Usage& entry : usages_) {
    const std::string path = entry.variable->path();
    if (!entry.leaves.empty() && entry.variable->trainable()) training.read.push_back(path);
    if (entry.assigned) training.assigned.push_back(path);
  }
  for (const Variable* variable : asked_for_) {
    training.depends.push_back({variable->path(), variable->trainable_, variable->trainable()});
  }
  return training;
}

void Trace::push_scope(const nn::Module& module) {
  push_scope(module.path());
  parts_[module.path()] = module.lifetime().watch();
}

void Trace::finish(const Outputs& outputs) {
  Frame& frame = frames_.front();
  for (const Usage& entry : usages_) {
    if (!entry.alive.expired()) continue;
    throw Error(fmt::format(
        "{}: state '{}' is gone once the function is traced; make what it belongs to outside, to live "
        "as long as the program",
        frame.function->name(), entry.path));
  }
  std::set<std::string> names;
  for (const auto& [name, tensor] : outputs) {
    const std::string what = fmt::format("{}: output '{}'", frame.function->name(), name);
    check_name(fmt::format("an output of '{}'", frame.function->name()), name, true);
    if (!names.insert(name).second) throw Error(what + " is given twice");
    if (!tensor.defined()) throw Error(what + " is undefined");
    frame.builder.output(name, use(what, tensor, std::source_location()));
  }
  for (const Usage& entry : usages_) {
    if (!entry.assigned) continue;
    frame.builder.set_location(entry.location);
    translated([&] { frame.builder.write(entry.variable->path(), entry.assigned->node()->value); });
  }
}

void Trace::open(std::string_view name, Nested kind) {
  push_frame(fmt::format("{}.{}{}", frames_.front().function->name(), name, nested_++), kind);
}

Trace::Closed Trace::close(const std::vector<Tensor>& outputs, const std::source_location& where) {
  std::vector<graph::Value> values;
  for (const Tensor& tensor : outputs) values.push_back(use(frames_.back().function->name(), tensor, where));
  Frame& frame = frames_.back();
  for (size_t i = 0; i < values.size(); ++i) frame.builder.output(fmt::format("output{}", i), values[i]);
  // Parameters come first: those of the body, the iteration, what is captured.
  const auto rank = [&](const std::unique_ptr<graph::Op>& op) {
    if (op->code != graph::OpCode::parameter) return 3;
    if (frame.salt && op.get() == frame.salt.op) return 1;
    const auto is_inner = [&](const auto& entry) { return entry.second.op == op.get(); };
    return std::any_of(frame.captures.begin(), frame.captures.end(), is_inner) ? 2 : 0;
  };
  std::vector<std::unique_ptr<graph::Op>> sorted;
  for (int place = 0; place < 4; ++place) {
    for (auto& op : frame.function->ops()) {
      if (op != nullptr && rank(op) == place) sorted.push_back(std::move(op));
    }
  }
  frame.function->ops() = std::move(sorted);
  Closed closed{frame.function, frame.captured, static_cast<bool>(frame.salt)};
  frames_.pop_back();
  return closed;
}

void Trace::abandon() {
  const graph::Function* function = frames_.back().function;
  frames_.pop_back();
  std::erase_if(module_->functions, [&](const auto& other) { return other.get() == function; });
}

Pin::Pin(std::string_view what, const std::source_location& where, const std::string& scope)
    : trace_(Trace::current(what, where, scope)), what_(what), where_(where) {
  trace_.pin(what, where);
}

Pin::~Pin() {
  trace_.unpin();
}

Call::Call(std::string_view what, const nn::Module& layer, const std::source_location& where)
    : Pin(what, where, layer.path()) {
  trace_.push_scope(layer);
}

Call::Call(std::string_view what, std::string path, const std::source_location& where)
    : Pin(what, where, path) {
  trace_.push_scope(std::move(path));
}

Call::~Call() {
  trace_.pop_scope();
}

}  // namespace sinter
