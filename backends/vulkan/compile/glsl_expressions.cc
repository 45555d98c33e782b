#include <fmt/format.h>
#include <fmt/ranges.h>

#include <bit>
#include <cmath>

#include "backends/vulkan/compile/glsl.h"
#include "ir/error.h"

// Expressions. What is used more than once, or is long, gets a line and a name; so does each element of a
// buffer, so that it is loaded once.
namespace sinter::vulkan {

using loop::Expr;
using loop::ExprNode;
using loop::ScalarOp;
using loop::Type;

namespace {

constexpr int kLongest = 8;  // operations in one line

std::string in_parentheses(const std::string& text, bool needed) {
  return needed ? "(" + text + ")" : text;
}

bool is_leaf(const ExprNode& x) {
  return x.args.empty();
}

}  // namespace

const char* GlslEmitter::type_name(Type type) {
  switch (type) {
    case Type::boolean:
      return "bool";
    case Type::i32:
    case Type::index:
      return "int";
    case Type::f32:
      return "float";
    case Type::f64:
      if (!features_.has_f64) unsupported("f64");
      return "double";
    case Type::i64:
      if (!features_.has_i64) unsupported("i64");
      extensions_.insert("GL_EXT_shader_explicit_arithmetic_types_int64");
      return "int64_t";
  }
  throw InternalError("unknown type");
}

void GlslEmitter::count_uses(const std::vector<Expr>& roots) {
  uses_.clear();
  texts_.clear();
  kept_.clear();
  std::vector<const ExprNode*> pending;
  for (const Expr& root : roots) {
    if (root) pending.push_back(root.get());
  }
  while (!pending.empty()) {
    const ExprNode* x = pending.back();
    pending.pop_back();
    if (uses_[x]++ > 0) continue;
    for (const Expr& arg : x->args) pending.push_back(arg.get());
  }
}

std::string GlslEmitter::value(const Expr& x) {
  return text_of(x).text;
}

GlslEmitter::Text GlslEmitter::text_of(const Expr& x) {
  if (const auto it = texts_.find(x.get()); it != texts_.end()) return it->second;
  Text result = new_text(x);
  const bool is_global_load =
      x->kind == ExprNode::Kind::load && x->buffer->space == loop::Space::global && result.size > 0;
  const bool is_shared = uses_[x.get()] > 1 && result.size > 0;
  if (!is_leaf(*x) && (is_shared || result.size > kLongest || is_global_load)) {
    result = {named(type_name(x->type), result), result.reads, 1};
  }
  return texts_[x.get()] = result;
}

std::string GlslEmitter::named(const char* type, const Text& text) {
  const auto it = known_.find(text.text);
  if (it != known_.end()) return it->second.text;
  const std::string name = unique("v");
  line(fmt::format("{} {} = {};", type, name, text.text));
  known_[text.text] = {name, text.reads, 1};
  return name;
}

GlslEmitter::Text GlslEmitter::new_text(const Expr& x) {
  switch (x->kind) {
    case ExprNode::Kind::integer:
    case ExprNode::Kind::number:
      return {constant(*x), {}, 0};
    case ExprNode::Kind::variable:
      return {variables_.at(x->variable.get()), {}, 0};
    case ExprNode::Kind::context:
      reads_call_ = true;
      return {x->context == loop::ContextValue::seed_low    ? "seed_low"
              : x->context == loop::ContextValue::seed_high ? "seed_high"
                                                            : "call_step",
              {},
              0};
    case ExprNode::Kind::load:
      return load(*x);
    default:
      break;
  }
  Text result;
  std::vector<std::string> args;
  for (const Expr& arg : x->args) {
    const Text part = text_of(arg);
    args.push_back(part.text);
    result.size += part.size;
    result.reads.insert(part.reads.begin(), part.reads.end());
  }
  const Type from = x->args[0]->type;
  result.text = x->kind == ExprNode::Kind::apply  ? apply(*x, args)
                : x->kind == ExprNode::Kind::cast ? cast(from, x->type, args[0])
                                                  : bitcast(from, x->type, args[0]);
  return result;
}

std::string GlslEmitter::place(const loop::Buffer& buffer, const std::string& index) const {
  const auto offset = offsets_.find(&buffer);
  return offset == offsets_.end() ? index : fmt::format("{} + {}", offset->second, index);
}

std::string GlslEmitter::element(const loop::Buffer& buffer, const std::string& index) {
  if (buffer.space == loop::Space::global) {
    type_name(buffer.type);
    need(buffer, View::Kind::storage);
    if (buffer.type == Type::boolean && features_.has_bytes) {
      extensions_.insert("GL_EXT_shader_8bit_storage");
      extensions_.insert("GL_EXT_shader_explicit_arithmetic_types_int8");
    }
  }
  return fmt::format("{}[{}]", buffers_.at(&buffer), place(buffer, index));
}

std::string GlslEmitter::byte_of(const loop::Buffer& buffer, const std::string& index) {
  const std::string at = place(buffer, index);
  need(buffer, View::Kind::storage);
  return fmt::format("bitfieldExtract({0}[({1}) >> 2], (({1}) & 3) * 8, 8)", buffers_.at(&buffer), at);
}

// Others may have the word's other bytes.
void GlslEmitter::store_byte(const loop::Buffer& buffer, const std::string& index, const std::string& guard,
                             const std::string& stored) {
  const std::string at = unique("at"), bit = unique("bit");
  need(buffer, View::Kind::storage);
  open(guard);
  line(fmt::format("int {} = {}, {} = ({} & 3) * 8;", at, place(buffer, index), bit, at));
  line(fmt::format("atomicAnd({}[{} >> 2], ~(0xffu << {}));", buffers_.at(&buffer), at, bit));
  line(fmt::format("atomicOr({}[{} >> 2], uint({}) << {});", buffers_.at(&buffer), at, stored, bit));
  close();
}

std::string GlslEmitter::element_of_four(const loop::Buffer& shared, const Expr& index) {
  const std::string& name = buffers_.at(&shared);
  if (const auto four = fours_.find(shared, index)) {
    kept_.push_back(four->vector);
    return fmt::format("{}[{}].{}", name, value(four->vector), "xyzw"[four->lane]);
  }
  // A multiple of four leaves the part as it is.
  const bool is_sum = index->kind == ExprNode::Kind::apply && index->op == ScalarOp::add;
  const int64_t apart = is_sum ? loop::as_integer(index->args[1]).value_or(1) : 1;
  if (apart % 4 != 0) return fmt::format("{0}[{1} >> 2][{1} & 3]", name, value(index));
  return fmt::format("{0}[({1} >> 2) + {2}][{1} & 3]", name, value(index->args[0]), apart / 4);
}

// Texel buffers make long code of each load: those that run once do without. What is also written is seen one
// way only.
std::string GlslEmitter::loaded(const loop::Buffer& buffer, const std::string& index) {
  if (loops_ == 0 || buffer.written || !texels_.contains(&buffer)) return element(buffer, index);
  need(buffer, buffer.type == Type::f32 ? View::Kind::texels_f32 : View::Kind::texels_i32);
  return fmt::format("imageLoad({}_by_1, {}).x", buffers_.at(&buffer), place(buffer, index));
}

// What another lane has loaded.
GlslEmitter::Text GlslEmitter::shuffled_load(const ExprNode& x, const ShuffledElement& shuffled) {
  extensions_.insert("GL_KHR_shader_subgroup_basic");
  extensions_.insert("GL_KHR_shader_subgroup_shuffle");
  const Expr lane = loop::variable(subgroup_lane_);
  const bool is_full = shuffled.last + 1 == features_.shuffled_lanes;
  const Expr place = is_full ? lane : loop::min(lane, loop::integer(shuffled.last));
  const Expr index = shuffled.first + place * shuffled.step;
  kept_.push_back(index);
  const std::string own = named("float", {loaded(*x.buffer, value(index)), {}, 1});
  return {fmt::format("subgroupShuffle({}, {}u)", own, shuffled.lane), {}, 1};
}

// Part of a vector that has a name.
GlslEmitter::Text GlslEmitter::load_of_four(const ExprNode& x, const FourElement& element) {
  kept_.push_back(element.vector);
  const Text index = text_of(element.vector);
  const bool is_in_texels = texels_.contains(x.buffer.get());
  const bool is_shared = x.buffer->space == loop::Space::shared;
  if (!is_shared) need(*x.buffer, is_in_texels ? View::Kind::texels_f32_by_4 : View::Kind::storage);
  const std::string name = buffers_.at(x.buffer.get()) + (is_shared ? "" : "_by_4");
  Text vector{is_in_texels ? fmt::format("imageLoad({}, {})", name, index.text)
                           : fmt::format("{}[{}]", name, index.text),
              index.reads, 1};
  if (is_shared || x.buffer->written) vector.reads.insert(x.buffer.get());
  return {named("vec4", vector) + "." + "xyzw"[element.lane], vector.reads, 0};
}

// Of a load with a predicate: the first element where it is false, which is there, for a branch would cost
// more: SwiftShader's compiler takes gigabytes for some tens of them in a row.
GlslEmitter::Text GlslEmitter::load_anyway(const ExprNode& x) {
  const Expr& index = x.args[0];
  const Expr &predicate = x.args[1], first = loop::integer(0, index->type);
  const Expr loaded = loop::load(x.buffer, loop::select(predicate, index, first));
  const Expr result = loop::select(predicate, loaded, loop::constant(0, x.type));
  kept_.push_back(result);
  return text_of(result);
}

GlslEmitter::Text GlslEmitter::load(const ExprNode& x) {
  const loop::Buffer& buffer = *x.buffer;
  if (const auto shuffled = shuffled_.find(x)) return shuffled_load(x, *shuffled);
  if (const auto four = fours_.find(x)) return load_of_four(x, *four);
  if (features_.is_processor && x.args.size() > 1) return load_anyway(x);
  const Text index = text_of(x.args[0]);
  const std::string text = is_in_fours(buffer)   ? element_of_four(buffer, x.args[0])
                           : is_in_words(buffer) ? byte_of(buffer, index.text)
                                                 : loaded(buffer, index.text);
  Text result{text, index.reads, index.size + 1};
  if (buffer.space != loop::Space::global || buffer.written) result.reads.insert(&buffer);
  if (buffer.type == Type::boolean && buffer.space == loop::Space::global) {
    result.text = fmt::format("(uint({}) != 0u)", result.text);
  }
  if (x.args.size() > 1) {
    const Text predicate = text_of(x.args[1]);
    const char* zero = x.type == Type::boolean ? "false" : "0";
    result.text = fmt::format("({} ? {} : {}({}))", predicate.text, result.text, type_name(x.type), zero);
    result.reads.insert(predicate.reads.begin(), predicate.reads.end());
    result.size += predicate.size;
  }
  return result;
}

std::string GlslEmitter::constant(const ExprNode& x) {
  if (x.type == Type::boolean) return x.integer != 0 ? "true" : "false";
  if (x.type == Type::i64) {
    type_name(x.type);
    if (x.integer == INT64_MIN) return "int64_t(0x8000000000000000ul)";
    return in_parentheses(fmt::format("{}l", x.integer), x.integer < 0);
  }
  if (x.kind == ExprNode::Kind::integer) {
    if (x.integer < INT32_MIN || x.integer > INT32_MAX) {
      unsupported(fmt::format("indices above 2^31, such as {}", x.integer));
    }
    if (x.integer == INT32_MIN) return "int(0x80000000u)";
    return in_parentheses(fmt::format("{}", x.integer), x.integer < 0);
  }
  const bool is_plain = std::isnormal(x.number) || (x.number == 0 && !std::signbit(x.number));
  if (x.type == Type::f64) {
    type_name(x.type);
    const auto bits = std::bit_cast<uint64_t>(x.number);
    if (!is_plain) {
      return fmt::format("packDouble2x32(uvec2({:#x}u, {:#x}u))", bits & 0xffffffff, bits >> 32);
    }
    return in_parentheses(fmt::format("{:#}lf", x.number), x.number < 0);
  }
  const auto number = static_cast<float>(x.number);
  if (!is_plain || !(std::isnormal(number) || number == 0)) {
    return fmt::format("uintBitsToFloat({:#x}u)", std::bit_cast<uint32_t>(number));
  }
  std::string text = fmt::format("{}", number);
  if (text.find_first_of(".e") == std::string::npos) text += ".0";
  return in_parentheses(text, number < 0);
}

std::string GlslEmitter::call(const std::string& function, const std::vector<std::string>& args) {
  return fmt::format("{}({})", function, fmt::join(args, ", "));
}

std::string GlslEmitter::cast(Type from, Type to, const std::string& x) {
  if (to == Type::boolean) {
    return fmt::format("({} != {})", x, from == Type::f32 ? "0.0" : call(type_name(from), {"0"}));
  }
  if (loop::is_floating(from) && !loop::is_floating(to)) {
    std::string helper = to == Type::i64 ? "to_long" : "to_int";
    if (to == Type::i64) type_name(to);
    if (from == Type::f64) helper += "_f64";
    helpers_.insert(helper);
    return call(helper, {x});
  }
  if (type_name(from) == std::string_view(type_name(to))) return x;
  return call(type_name(to), {x});
}

std::string GlslEmitter::bitcast(Type from, Type to, const std::string& x) {
  type_name(from);
  type_name(to);
  switch (from) {
    case Type::f32:
      return call("floatBitsToInt", {x});
    case Type::i32:
      return call("intBitsToFloat", {x});
    case Type::f64:
      return call("doubleBitsToInt64", {x});
    default:
      return call("int64BitsToDouble", {x});
  }
}

}  // namespace sinter::vulkan
