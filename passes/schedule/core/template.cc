#include "passes/schedule/core/template.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "ir/error.h"
#include "ir/graph/anchor.h"
#include "ir/loop/range.h"
#include "passes/base/flops.h"

namespace sinter::passes {

using graph::Op;
using graph::OpCode;
using graph::OpKind;
using loop::Expr;
using loop::LoopKind;
using loop::Stmt;

namespace {

std::vector<loop::BufferRef> make_buffers(const std::string& prefix,
                                          const std::vector<graph::TensorType>& types, bool written) {
  std::vector<loop::BufferRef> buffers;
  for (const graph::TensorType& type : types) {
    auto buffer = std::make_shared<loop::Buffer>();
    buffer->name = fmt::format("{}{}", prefix, buffers.size());
    buffer->type = loop::from_graph(type.dtype);
    buffer->size = type.elements();
    buffer->written = written;
    buffers.push_back(std::move(buffer));
  }
  return buffers;
}

std::vector<loop::BufferRef> input_buffers(const Op& kernel) {
  std::vector<graph::TensorType> types;
  for (graph::Value operand : kernel.operands) types.push_back(operand.type());
  return make_buffers("in", types, false);
}

// "contract+relu at encoder.0": the ops that do the work, and the modules they stand in.
std::string kernel_name(const Op& kernel) {
  const graph::Function& body = *kernel.body;
  if (is_kernel(kernel, graph::Anchor::together)) {
    const auto is_kernel = [](const auto& op) { return op->code == OpCode::kernel; };
    return fmt::format("{}, with {} more", kernel_name(**std::ranges::find_if(body.ops(), is_kernel)),
                       std::ranges::count_if(body.ops(), is_kernel) - 1);
  }
  std::string name;
  std::set<std::string> seen, scopes;
  for (const auto& op : body.ops()) {
    if (op->kind() == OpKind::source || op->kind() == OpKind::view) continue;
    if (!op->location.scope.empty()) scopes.insert(op->location.scope);
    const std::string text(op->code == OpCode::kernel ? op->attributes.text("anchor")
                                                      : graph::name(op->code));
    if (seen.size() < 6 && seen.insert(text).second) name += (name.empty() ? "" : "+") + text;
  }
  if (name.empty()) name = "copy";
  if (!scopes.empty()) name += " at " + *scopes.begin();
  if (scopes.size() > 1) name += fmt::format(" and {} more", scopes.size() - 1);
  return name;
}

// The ops of a kernel and of those in it, with their source lines, their choices, and why they are apart.
void add_notes(const Op& kernel, loop::Kernel& result) {
  if (kernel.attributes.has("choice")) result.choices.push_back(kernel.attributes.text("choice"));
  if (kernel.attributes.has("apart")) {
    const std::string& apart = kernel.attributes.text("apart");
    for (size_t begin = 0; begin < apart.size();) {
      const size_t end = std::min(apart.find('\n', begin), apart.size());
      result.apart.push_back(apart.substr(begin, end - begin));
      begin = end + 1;
    }
  }
  for (const auto& op : kernel.body->ops()) {
    if (op->code == OpCode::parameter) continue;
    if (op->body != nullptr) {
      add_notes(*op, result);
      continue;
    }
    const std::string place = graph::to_string(op->location);
    result.notes.push_back(fmt::format("{}{}{}", graph::name(op->code), place.empty() ? "" : " ", place));
  }
}

double flops_of(const Op& op) {
  if (op.body != nullptr) {
    // Of what its results come from: a kernel that has been given some of another one's has all of its ops.
    std::set<const Op*> needed;
    for (const graph::Output& output : op.body->outputs) needed.insert(output.value.op);
    double sum = 0;
    for (size_t i = op.body->ops().size(); i-- > 0;) {
      const Op& inner = *op.body->ops()[i];
      if (!needed.contains(&inner)) continue;
      for (graph::Value operand : inner.operands) needed.insert(operand.op);
      sum += flops_of(inner);
    }
    return sum;
  }
  return flops(op);
}

// Of arguments that it does not touch: what an update leaves as it is, neither read nor written.
double bytes_left(const Op& kernel) {
  double sum = 0;
  for (const auto& op : kernel.body->ops()) {
    if (op->body != nullptr) sum += bytes_left(*op);
  }
  if (!is_kernel(kernel, graph::Anchor::update)) return sum;
  const Op& update = *kernel.body->outputs[0].value.op;
  return sum + 2 * static_cast<double>(update.results[0].bytes() - update.operands[1].type().bytes());
}

}  // namespace

Template::Template(const Op& op, ScheduleContext& schedule_context)
    : Template(op, schedule_context, input_buffers(op), make_buffers("out", op.results, true)) {}

Template::Template(const Op& op, ScheduleContext& schedule_context, std::vector<loop::BufferRef> in,
                   std::vector<loop::BufferRef> out)
    : kernel(op),
      body(*op.body),
      context(schedule_context),
      inputs(std::move(in)),
      outputs(std::move(out)),
      loader(body, inputs) {
  for (const auto& check : body.ops()) {
    if (check->kind() != OpKind::check) continue;
    loop::FaultSite site{};
    site.kind =
        check->code == OpCode::check_index ? loop::FaultSite::Kind::index : loop::FaultSite::Kind::finite;
    const auto* what = check->attributes.find("what");
    site.op = check->attributes.has("op") ? check->attributes.text("op") : graph::name(check->code);
    site.subject = what != nullptr ? std::get<std::string>(*what) : "value";
    site.shape = check->results[0].shape;
    if (check->code == OpCode::check_index) site.bound = check->attributes.integer("bound");
    site.location = graph::to_string(check->location);
    sites_.push_back(static_cast<int64_t>(context.faults.size()));
    context.faults.push_back(std::move(site));
  }
}

std::vector<TileStore> Template::stores() const {
  std::vector<TileStore> result;
  for (size_t i = 0; i < body.outputs.size(); ++i) result.push_back({body.outputs[i].value, outputs[i]});
  return result;
}

loop::Kernel Template::finish(Stmt part) const {
  return finish(std::vector<Stmt>{std::move(part)});
}

loop::Kernel Template::finish(std::vector<Stmt> parts) const {
  loop::Kernel result;
  result.anchor = kernel.attributes.text("anchor");
  describe(kernel, result);
  result.arguments = inputs;
  result.arguments.insert(result.arguments.end(), outputs.begin(), outputs.end());
  result.parts = std::move(parts);
  result.flops = flops_of(kernel);
  for (const auto& buffer : result.arguments) {
    result.bytes += static_cast<double>(buffer->size * loop::size_in_bytes(buffer->type));
  }
  result.bytes -= bytes_left(kernel);
  return result;
}

Stmt Template::checks(const Tile& tile, const Expr& predicate) {
  std::vector<Stmt> faults;
  size_t next = 0;
  for (const auto& op : body.ops()) {
    if (op->kind() != OpKind::check) continue;
    const int64_t site = sites_[next++];
    const Index* index = tile.find(op->result());
    if (index == nullptr) continue;
    const Expr value = loader.at(op->operands[0], *index, predicate);
    Expr bad;
    if (op->code == OpCode::check_finite) {
      bad = loop::apply(loop::ScalarOp::logical_not, {loop::apply(loop::ScalarOp::is_finite, {value})});
    } else {
      const int64_t end = op->attributes.integer("bound");
      if (loop::interval_of(value, loader.ranges()).within(0, end - 1)) continue;
      const Expr bound = loop::integer(end, value->type);
      bad = value < loop::integer(0, value->type) || value >= bound;
      if (op->attributes.has("ignore")) {
        const Expr ignored = loop::integer(op->attributes.integer("ignore"), value->type);
        bad = bad && loop::apply(loop::ScalarOp::not_equal, {value, ignored});
      }
    }
    const Expr position = loader.simplify(linearize(*index, op->results[0].shape));
    faults.push_back(loop::fault(predicate ? bad && predicate : bad, site, position, value));
  }
  return loop::block(std::move(faults));
}

namespace {

Stmt one_vector(Loader& loader, const std::string& name, const Expr& first, int64_t lanes,
                const VectorBody& body, const Expr& end) {
  const auto lane = loader.variable(name + "_lane", lanes);
  const Expr index = first + loop::variable(lane);
  Expr predicate;
  if (end) predicate = index < end;
  return loop::loop(LoopKind::vector, lane, loop::integer(0), loop::integer(lanes),
                    body({index, loop::variable(lane), predicate}));
}

}  // namespace

Stmt vector_loop(Loader& loader, const std::string& name, int64_t extent, int64_t lanes,
                 const VectorBody& body) {
  if (extent == 1) {
    Loader::Scope scope(loader);
    return body({loop::integer(0), loop::integer(0), nullptr});
  }
  std::vector<Stmt> result;
  const int64_t whole = extent / lanes;
  if (whole > 0) {
    Loader::Scope scope(loader);
    const auto block = loader.variable(name, whole);
    Stmt vector = one_vector(loader, name, loop::variable(block) * lanes, lanes, body, nullptr);
    result.push_back(loop::loop(LoopKind::serial, block, loop::integer(0), loop::integer(whole), vector));
  }
  if (const int64_t rest = extent % lanes; rest > 0) {
    Loader::Scope scope(loader);
    int64_t width = 1;
    while (width < rest) width *= 2;
    width = std::min(lanes, std::max<int64_t>(width, 4));
    result.push_back(one_vector(loader, name, loop::integer(whole * lanes), width, body,
                                width == rest ? nullptr : loop::integer(extent)));
  }
  return loop::block(std::move(result));
}

Stmt parallel_vector_loop(Loader& loader, const std::string& name, int64_t extent, int64_t lanes,
                          int64_t vectors, const VectorBody& body) {
  const int64_t unit = lanes * vectors;
  if (extent <= unit) return vector_loop(loader, name, extent, lanes, body);
  const int64_t units = (extent + unit - 1) / unit;
  const auto u = loader.variable(name + "_unit", units);
  const Expr begin = loop::variable(u) * vectors;
  const int64_t whole = extent / lanes;
  std::vector<Stmt> inner;
  {
    Loader::Scope scope(loader);
    const auto block = loader.variable(name, whole);
    const Expr count = loop::min(loop::integer(vectors), loop::integer(whole) - begin);
    Stmt vector = one_vector(loader, name, loop::variable(block) * lanes, lanes, body, nullptr);
    inner.push_back(loop::loop(LoopKind::serial, block, begin, count, vector));
  }
  if (extent % lanes != 0) {
    Loader::Scope scope(loader);
    Stmt tail = one_vector(loader, name, loop::integer(whole * lanes), lanes, body, loop::integer(extent));
    inner.push_back(loop::branch(loop::variable(u) == loop::integer(units - 1), tail));
  }
  return loop::loop(LoopKind::parallel, u, loop::integer(0), loop::integer(units),
                    loop::block(std::move(inner)));
}

void describe(const Op& kernel, loop::Kernel& result) {
  result.name = kernel_name(kernel);
  result.apart.clear();
  result.choices.clear();
  result.notes.clear();
  add_notes(kernel, result);
}

}  // namespace sinter::passes
