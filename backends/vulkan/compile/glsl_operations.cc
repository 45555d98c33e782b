#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "backends/vulkan/compile/glsl.h"
#include "ir/error.h"

// Scalar operations.
namespace sinter::vulkan {

using loop::ExprNode;
using loop::ScalarOp;
using loop::Type;
using Args = std::vector<std::string>;

namespace {

constexpr std::pair<ScalarOp, const char*> kInfix[] = {
    {ScalarOp::add, "+"},         {ScalarOp::sub, "-"},        {ScalarOp::mul, "*"},
    {ScalarOp::equal, "=="},      {ScalarOp::not_equal, "!="}, {ScalarOp::less, "<"},
    {ScalarOp::less_equal, "<="}, {ScalarOp::greater, ">"},    {ScalarOp::greater_equal, ">="},
};

// Null where the operation is no operator of GLSL.
const char* infix(ScalarOp op) {
  const auto* found = std::ranges::find(kInfix, op, &std::pair<ScalarOp, const char*>::first);
  return found == std::end(kInfix) ? nullptr : found->second;
}

std::string between(const char* text, const Args& args) {
  return fmt::format("({} {} {})", args[0], text, args[1]);
}

}  // namespace

std::string GlslEmitter::apply(const ExprNode& x, const Args& args) {
  if (x.op == ScalarOp::subgroup_sum) {
    extensions_.insert("GL_KHR_shader_subgroup_arithmetic");
    return call("subgroupAdd", {args[0]});
  }
  const Type operand = x.args.back()->type;
  if (x.op == ScalarOp::select) {
    if (operand == Type::i64) return fmt::format("({} ? {} : {})", args[0], args[1], args[2]);
    return call("mix", {args[2], args[1], args[0]});
  }
  if (x.op == ScalarOp::to_unsigned) return fmt::format("{}(uint({}))", type_name(x.type), args[0]);
  if (loop::is_floating(operand)) return floating_apply(x, args);
  return operand == Type::boolean ? boolean_apply(x, args) : integer_apply(x, args);
}

std::string GlslEmitter::floating_apply(const ExprNode& x, const Args& args) {
  const bool is_wide = x.args.back()->type == Type::f64;
  type_name(x.args.back()->type);
  const auto help = [&](const std::string& helper) {
    const std::string name = helper + (is_wide ? "_f64" : "");
    helpers_.insert(name);
    return call(name, args);
  };
  switch (x.op) {
    case ScalarOp::neg:
      return fmt::format("(-{})", args[0]);
    case ScalarOp::abs:
    case ScalarOp::floor:
    case ScalarOp::ceil:
    case ScalarOp::sqrt:
    case ScalarOp::fma:  // in f64, too
      return call(std::string(loop::name(x.op)), args);
    case ScalarOp::rsqrt:
      return call("inversesqrt", args);
    case ScalarOp::round:
      return is_wide && features_.is_processor ? help("round_even") : call("roundEven", args);
    case ScalarOp::sign:
      return help("sign_of");
    case ScalarOp::is_finite:
      return help("is_finite");
    case ScalarOp::max:
      return help("maximum");
    case ScalarOp::min:
      return help("minimum");
    case ScalarOp::div: {
      const ExprNode& divisor = *x.args[1];
      if (divisor.kind != ExprNode::Kind::number || divisor.number != 0)
        return between("/", {term(x, 0, args), args[1]});
      // A quotient by a constant zero is undefined to some drivers; this product is the same.
      const double infinity = std::copysign(std::numeric_limits<double>::infinity(), divisor.number);
      return between("*", {term(x, 0, args), constant(*loop::number(infinity, divisor.type))});
    }
    case ScalarOp::rem:
      return help("floating_rem");
    case ScalarOp::not_equal:
      if (args[0] == args[1]) {
        helpers_.insert(is_wide ? "is_nan_f64" : "is_nan");
        return call(is_wide ? "is_nan_f64" : "is_nan", {args[0]});
      }
      return between("!=", args);
    case ScalarOp::add:
    case ScalarOp::sub:
    case ScalarOp::mul:
      return between(infix(x.op), {term(x, 0, args), term(x, 1, args)});
    default:
      if (const char* text = infix(x.op)) return between(text, args);
      // Where no pass has made arithmetic of it: GLSL's function of that name, of which f64 has none.
      return is_wide ? help(std::string(loop::name(x.op))) : call(std::string(loop::name(x.op)), args);
  }
}

// An operand of floating arithmetic. Zeros are made of what no driver knows to be 0: there is one workgroup
// along z.
std::string GlslEmitter::term(const ExprNode& x, size_t i, const Args& args) const {
  const ExprNode& operand = *x.args[i];
  if (!features_.is_processor || operand.kind != ExprNode::Kind::number || operand.number != 0)
    return args[i];
  const char* const high =
      std::signbit(operand.number) ? "gl_WorkGroupID.z | 0x80000000u" : "gl_WorkGroupID.z";
  return operand.type == Type::f64 ? fmt::format("packDouble2x32(uvec2(gl_WorkGroupID.z, {}))", high)
                                   : fmt::format("uintBitsToFloat({})", high);
}

std::string GlslEmitter::integer_apply(const ExprNode& x, const Args& args) {
  const Type type = x.args.back()->type;
  const bool is_wide = type == Type::i64;
  const char* name = type_name(type);
  const char* unsigned_name = is_wide ? "uint64_t" : "uint";
  const auto help = [&](const std::string& helper) {
    const std::string full = helper + (is_wide ? "_i64" : "");
    helpers_.insert(full);
    return call(full, args);
  };
  switch (x.op) {
    case ScalarOp::neg:
      return fmt::format("(-{})", args[0]);
    case ScalarOp::abs:
    case ScalarOp::sign:
    case ScalarOp::max:
    case ScalarOp::min:
      return call(std::string(loop::name(x.op)), args);
    case ScalarOp::floor:
    case ScalarOp::ceil:
    case ScalarOp::round:
      return args[0];
    case ScalarOp::logical_not:
      return fmt::format("(~{})", args[0]);
    case ScalarOp::logical_and:
      return between("&", args);
    case ScalarOp::logical_or:
      return between("|", args);
    case ScalarOp::logical_xor:
      return between("^", args);
    case ScalarOp::div:
    case ScalarOp::rem: {
      const bool is_div = x.op == ScalarOp::div;
      if (type != Type::index) return help(is_div ? "floor_div" : "floor_rem");
      // Neither is negative, and unsigned division is the cheaper one.
      return fmt::format("int(uint({}) {} uint({}))", args[0], is_div ? "/" : "%", args[1]);
    }
    case ScalarOp::pow:
      return help("integer_pow");
    case ScalarOp::shift_left:
      return fmt::format("({} << int({}))", args[0], args[1]);
    case ScalarOp::shift_right:
      return fmt::format("{}({}({}) >> int({}))", name, unsigned_name, args[0], args[1]);
    case ScalarOp::mul_high:
      helpers_.insert("mul_high");
      return call("mul_high", args);
    default:
      if (const char* text = infix(x.op)) return between(text, args);
      unsupported(fmt::format("{} of {}", loop::name(x.op), loop::name(type)));
  }
}

std::string GlslEmitter::boolean_apply(const ExprNode& x, const Args& args) {
  const auto format = [&](const char* text) { return fmt::format(fmt::runtime(text), args[0], args[1]); };
  switch (x.op) {
    case ScalarOp::logical_not:
      return fmt::format("(!{})", args[0]);
    case ScalarOp::logical_and:
    case ScalarOp::min:
      return between("&&", args);
    case ScalarOp::logical_or:
    case ScalarOp::max:
      return between("||", args);
    case ScalarOp::logical_xor:
    case ScalarOp::not_equal:
      return between("!=", args);
    case ScalarOp::equal:
      return between("==", args);
    case ScalarOp::less:
      return format("(!{} && {})");
    case ScalarOp::less_equal:
      return format("(!{} || {})");
    case ScalarOp::greater:
      return format("({} && !{})");
    case ScalarOp::greater_equal:
      return format("({} || !{})");
    default:
      unsupported(fmt::format("{} of bool", loop::name(x.op)));
  }
}

}  // namespace sinter::vulkan
