#include <fmt/format.h>

#include <algorithm>

#include "ir/error.h"
#include "tests/fuzz/programs/makers.h"
#include "tests/fuzz/programs/program.h"

namespace sinter::fuzz::make {
namespace {

std::string new_state(Writer& w, const TensorType& type) {
  auto& states = w.b.module().states;
  return states.emplace_back(graph::State{fmt::format("s{}", states.size()), type}).name;
}

// Reading gives zeros, or what this program has written.
std::string state_for(Writer& w, const TensorType& type) {
  for (const graph::State& state : w.b.module().states) {
    if (state.type == type && !w.written.contains(state.name) && w.draw.one_in(2)) return state.name;
  }
  return new_state(w, type);
}

constexpr int kMostDepth = 2;

// What a body may take for granted of floating operands.
constexpr double kLargestOperand = 2;

Known assumed(const TensorType& type) {
  return is_floating(type.dtype) ? Known{-kLargestOperand, kLargestOperand, false} : whole_range(type.dtype);
}

Value operand(Writer& w, const TensorType& type) {
  const Value value = w.fit(type);
  return is_floating(type.dtype) ? w.limited(value, kLargestOperand) : value;
}

// A function of operands of these types.
struct Body {
  Body(Writer& caller, const std::vector<TensorType>& types)
      : function(caller.b.module().add_function(fmt::format("g{}", caller.b.module().functions.size()))),
        writer(caller.b.module(), function, caller.draw, caller.plan) {
    for (const TensorType& type : types) {
      const Value made = writer.parameter(type);
      writer.knowing(made, assumed(type));
      parameters.push_back(made);
    }
    writer.close_signature();
    writer.depth = caller.depth + 1;
    write_some(writer, caller.draw.between(1, 4));
  }

  void give(Value value) { writer.b.output(fmt::format("r{}", function.outputs.size()), value); }

  graph::Function& function;
  Writer writer;
  std::vector<Value> parameters;
};

// Puts rows into a state at a place that another holds, which moves on, as a cache does. Where it is checked
// for less room than there is, the check may fail.
bool append_to_state(Writer& w) {
  const Value rows = operand(w, {w.plan.floating, w.shape(1, 3)});
  const int64_t count = rows.shape()[0], room = count + w.draw.below(3);
  if (count == 0) return false;
  Shape shape = rows.shape();
  shape[0] = room;
  const std::string length = new_state(w, {DType::i32, {}}), held = new_state(w, {rows.dtype(), shape});
  const Value before = w.b.read(held), place = w.b.read(length), zero = w.b.constant_int(0, DType::i32),
              behind = w.b.constant_int(count - 1, DType::i32), of_rows = w.b.constant_int(count, DType::i32);
  const Value last = w.b.add(place, behind);
  const Value checked = w.b.check_index(last, w.draw.one_in(3) ? std::max<int64_t>(1, count - 1) : room);
  const Value start = w.b.sub(checked, behind);
  std::vector<Value> starts(shape.size(), zero);
  starts[0] = start;
  const Value after = w.b.dynamic_update(before, rows, starts);
  w.note(after, joined(Known{}, w.known(rows)));
  w.b.write(held, after);
  const Value next = w.b.add(start, of_rows);
  w.b.write(length, next);
  w.written.insert({held, length});
  return true;
}

TensorType operand_type(Writer& w) {
  const auto found = w.some([](Value v) { return v.dtype() != DType::boolean; });
  return found && !w.draw.one_in(3) ? found->type() : TensorType{w.plan.floating, w.shape(0, 2)};
}

}  // namespace

bool read(Writer& w) {
  if (w.depth > 0) return false;
  const auto& states = w.b.module().states;
  if (!states.empty() && w.draw.one_in(2)) {
    const graph::State state = w.draw.of(states);
    w.note(w.b.read(state.name), w.written.contains(state.name) ? assumed(state.type) : Known{});
    return true;
  }
  const Shape shape = w.shape();
  w.note(w.b.read(state_for(w, {w.plan.floating, shape})), Known{});
  return true;
}

bool write(Writer& w) {
  if (w.depth > 0) return false;
  if (w.draw.one_in(3)) return append_to_state(w);
  Value value = w.any();
  if (is_floating(value.dtype())) value = w.limited(value, kLargestOperand);
  const std::string name = state_for(w, value.type());
  w.written.insert(name);
  w.b.write(name, value);
  return true;
}

bool call(Writer& w) {
  if (w.depth >= kMostDepth) return false;
  std::vector<TensorType> types;
  const int64_t count = w.draw.between(1, 3);
  for (int64_t i = 0; i < count; ++i) types.push_back(operand_type(w));
  Body body(w, types);
  const int64_t results = w.draw.between(1, 2);
  std::vector<Known> known;
  for (int64_t i = 0; i < results; ++i) {
    const Value value = body.writer.any();
    known.push_back(body.writer.known(value));
    body.give(value);
  }
  const int64_t times = w.draw.one_in(3) ? 2 : 1;
  for (int64_t i = 0; i < times; ++i) {
    std::vector<Value> operands;
    for (const TensorType& type : types) operands.push_back(operand(w, type));
    graph::Attributes attributes;
    if (w.draw.one_in(2)) attributes.set("checkpoint", true);
    const std::vector<Value> made = w.b.call(body.function, operands, attributes);
    for (size_t k = 0; k < made.size(); ++k) w.note(made[k], known[k]);
  }
  return true;
}

bool scan(Writer& w) {
  if (w.depth >= kMostDepth) return false;
  const int64_t length = w.draw.of<int64_t>({0, 1, 2, 3, 3, 5, 8});
  const int64_t carries = w.draw.between(0, 2), inputs = w.draw.between(0, 2),
                constants = w.draw.between(0, 2);
  std::vector<TensorType> types;
  for (int64_t i = 0; i < carries + inputs + constants; ++i) types.push_back(operand_type(w));
  Body body(w, types);
  // A carry comes out as the type that went in, within the same range.
  std::vector<Known> known;
  for (int64_t i = 0; i < carries; ++i) {
    const TensorType& type = types[static_cast<size_t>(i)];
    Value value = body.writer.fit(type);
    if (is_floating(type.dtype)) value = body.writer.limited(value, 1);
    body.give(value);
    known.push_back(assumed(type));
  }
  const int64_t outputs = w.draw.between(carries == 0 ? 1 : 0, 2);
  for (int64_t i = 0; i < outputs; ++i) {
    const Value value = body.writer.any();
    body.give(value);
    known.push_back(body.writer.known(value));
    if (value.type().elements() * length > w.plan.most_elements) return false;
  }
  std::vector<Value> operands;
  for (int64_t i = 0; i < carries + inputs + constants; ++i) {
    TensorType type = types[static_cast<size_t>(i)];
    const bool each = i >= carries && i < carries + inputs;
    if (each) type.shape.insert(type.shape.begin(), length);
    if (!w.fits(type.shape)) return false;
    operands.push_back(operand(w, type));
  }
  const bool reverse = w.draw.one_in(2);
  const std::vector<Value> made = w.b.scan(body.function, operands, carries, constants, length, reverse);
  for (size_t i = 0; i < made.size(); ++i) {
    known[i].exact = false;
    w.note(made[i], known[i]);
  }
  return true;
}

bool barrier(Writer& w) {
  std::vector<Value> values;
  const int64_t count = w.draw.between(1, 3);
  for (int64_t i = 0; i < count; ++i) values.push_back(w.any());
  const std::vector<Value> made = w.b.barrier(values);
  for (size_t i = 0; i < made.size(); ++i) w.note(made[i], w.known(values[i]));
  return true;
}

// Of a sum of something, for values on the way to it or not.
bool grad(Writer& w) {
  if (w.depth > 0) return false;
  const Value y = w.floating();
  const Value scaled = w.b.mul(y, w.fit(y.type()));
  std::vector<int64_t> every(scaled.shape().size());
  for (size_t i = 0; i < every.size(); ++i) every[i] = static_cast<int64_t>(i);
  const Value loss = w.b.reduce_sum(scaled, every);
  std::vector<Value> wrt;
  const int64_t count = w.draw.between(1, 3);
  for (int64_t i = 0; i < count; ++i) {
    const Value x = w.floating();
    if (std::find(wrt.begin(), wrt.end(), x) == wrt.end() && x.dtype() == loss.dtype()) wrt.push_back(x);
  }
  if (wrt.empty()) return false;
  for (const Value made : w.b.grad(loss, wrt)) {
    w.knowing(made, {-1000, 1000, false});
    const Value small = w.limited(made, 2);
    w.note(small, w.known(small));
  }
  return true;
}

bool kernel(Writer&) {
  return false;
}  // made by fuse alone

// What several ranks do together, which passes/shard makes alone.
bool all_reduce(Writer&) {
  return false;
}

bool reduce_scatter(Writer&) {
  return false;
}

bool all_gather(Writer&) {
  return false;
}

}  // namespace sinter::fuzz::make
