#include "runtime/npy.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <cstring>

#include "tests/runtime/scratch_folder.h"
#include "tests/support/message_of.h"

namespace sinter::runtime {
namespace {

using testing::ElementsAre;

constexpr const char* kHeader = "{'descr': '<f4', 'fortran_order': False, 'shape': (2,), }\n";

template <typename T>
std::string bytes_of(std::initializer_list<T> values) {
  return {reinterpret_cast<const char*>(values.begin()), values.size() * sizeof(T)};
}

std::string npy(std::string_view header, std::string_view data, int version = 1) {
  const auto length = static_cast<uint32_t>(header.size());
  std::string bytes = "\x93NUMPY";
  bytes += static_cast<char>(version);
  bytes += '\0';
  bytes.append(reinterpret_cast<const char*>(&length), version == 1 ? 2 : 4);
  return bytes.append(header).append(data);
}

class Npy : public testing::Test {
 protected:
  HostTensor read(std::string_view bytes) { return read_npy(folder_.write("a.npy", bytes)); }

  // What is wrong with a file, without its path.
  std::string error(std::string_view bytes) {
    const std::string prefix = folder_.path("a.npy") + ": ";
    const std::string text = message_of([&] { read(bytes); });
    EXPECT_TRUE(text.starts_with(prefix)) << text;
    return text.substr(std::min(prefix.size(), text.size()));
  }

  ScratchFolder folder_;
};

// The bytes that numpy.lib.format.write_array makes of [[1.5, -2], [3, 0.25]].
TEST_F(Npy, WritesTheBytesOfNumPy) {
  const HostTensor tensor = HostTensor::from<float>(std::array{1.5f, -2.f, 3.f, 0.25f}, {2, 2});
  write_npy(folder_.path("a.npy"), tensor);
  const std::string header = "{'descr': '<f4', 'fortran_order': False, 'shape': (2, 2), }";
  const std::string expected = std::string("\223NUMPY\001\000v\000", 10) + header + std::string(58, ' ') +
                               "\n" + std::string("\000\000\300?\000\000\000\300\000\000@@\000\000\200>", 16);
  EXPECT_EQ(expected.size(), 128u + 16u);
  EXPECT_EQ(read_file(folder_.path("a.npy")), expected);
}

TEST_F(Npy, ReadsBackEveryType) {
  for (DType type : {DType::f16, DType::f32, DType::f64, DType::i32, DType::i64, DType::boolean}) {
    for (const Shape& shape : {Shape{}, Shape{0}, Shape{3}, Shape{2, 0, 4}, Shape{2, 3, 4}}) {
      HostTensor tensor(type, shape);
      auto* bytes = static_cast<unsigned char*>(tensor.raw());
      for (size_t i = 0; i < tensor.bytes(); ++i) {
        bytes[i] = static_cast<unsigned char>(type == DType::boolean ? i % 2 : i * 37);
      }
      write_npy(folder_.path("a.npy"), tensor);
      const HostTensor result = read_npy(folder_.path("a.npy"));
      EXPECT_EQ(result.dtype(), type);
      EXPECT_EQ(result.shape(), shape);
      EXPECT_EQ(std::memcmp(result.raw(), tensor.raw(), tensor.bytes()), 0) << to_string(type, shape);
      EXPECT_EQ(read_file(folder_.path("a.npy")).size() % 64, tensor.bytes() % 64);
    }
  }
}

TEST_F(Npy, ReadsVersionTwoAndAnyOrderOfKeys) {
  const HostTensor tensor =
      read(npy("{\"shape\" : ( 2, ),'descr':'<i8',\n'fortran_order':False}", bytes_of<int64_t>({-1, 5}), 2));
  EXPECT_THAT(tensor.values<int64_t>(), ElementsAre(-1, 5));
}

// numpy.asfortranarray([[1, 2, 3], [4, 5, 6]]) and numpy.arange(8).reshape(2, 2, 2).copy('F')
TEST_F(Npy, ConvertsFortranOrder) {
  EXPECT_THAT(read(npy("{'descr': '<i4', 'fortran_order': True, 'shape': (2, 3), }",
                       bytes_of<int32_t>({1, 4, 2, 5, 3, 6})))
                  .values<int32_t>(),
              ElementsAre(1, 2, 3, 4, 5, 6));
  EXPECT_THAT(read(npy("{'descr': '<i4', 'fortran_order': True, 'shape': (2, 2, 2), }",
                       bytes_of<int32_t>({0, 4, 2, 6, 1, 5, 3, 7})))
                  .values<int32_t>(),
              ElementsAre(0, 1, 2, 3, 4, 5, 6, 7));
  EXPECT_EQ(read(npy("{'descr': '<i4', 'fortran_order': True, 'shape': (2, 0), }", "")).shape(),
            (Shape{2, 0}));
}

TEST_F(Npy, MakesEveryBoolZeroOrOne) {
  const HostTensor tensor =
      read(npy("{'descr': '|b1', 'fortran_order': False, 'shape': (3,), }", bytes_of<char>({0, 1, 2})));
  EXPECT_THAT(tensor.values<bool>(), ElementsAre(false, true, true));
  EXPECT_EQ(static_cast<const char*>(tensor.raw())[2], 1);
}

TEST_F(Npy, HoldsNarrowIntegersInWiderOnes) {
  const auto integers = [&](std::string_view descr, std::string_view data) {
    return read(npy(fmt::format("{{'descr': '{}', 'fortran_order': False, 'shape': (2,), }}", descr), data));
  };
  EXPECT_THAT(integers("|u1", bytes_of<uint8_t>({1, 255})).values<int32_t>(), ElementsAre(1, 255));
  EXPECT_THAT(integers("|i1", bytes_of<int8_t>({1, -1})).values<int32_t>(), ElementsAre(1, -1));
  EXPECT_THAT(integers("<u2", bytes_of<uint16_t>({1, 65535})).values<int32_t>(), ElementsAre(1, 65535));
  EXPECT_THAT(integers("<i2", bytes_of<int16_t>({1, -2})).values<int32_t>(), ElementsAre(1, -2));
  EXPECT_THAT(integers("<u4", bytes_of<uint32_t>({1, 4294967295})).values<int64_t>(),
              ElementsAre(1, 4294967295));
  EXPECT_THAT(read(npy("{'descr': '|u1', 'fortran_order': True, 'shape': (2, 3), }",
                       bytes_of<uint8_t>({1, 4, 2, 5, 3, 6})))
                  .values<int32_t>(),
              ElementsAre(1, 2, 3, 4, 5, 6));
}

TEST_F(Npy, SaysWhatIsWrongWithAFile) {
  EXPECT_EQ(error(""), "not an .npy file");
  EXPECT_EQ(error("PK\3\4 a zip file"), "not an .npy file");
  EXPECT_EQ(error("\x93NUMPY\1"), "damaged .npy file: it ends inside the version");
  EXPECT_EQ(error(npy(kHeader, "", 4)), ".npy version 4 is unknown");
  EXPECT_EQ(error(npy(kHeader, "").substr(0, 9)), "damaged .npy file: it ends inside the header's length");
  EXPECT_EQ(error(npy(kHeader, "").substr(0, 30)),
            "damaged .npy file: the header should have 58 bytes, 20 follow");
  EXPECT_EQ(error(npy(kHeader, bytes_of<float>({1}))), "damaged .npy file: f32[2] needs 8 bytes, 4 follow");
  EXPECT_EQ(error(npy(kHeader, bytes_of<float>({1, 2, 3}))),
            "damaged .npy file: f32[2] needs 8 bytes, 12 follow");
}

TEST_F(Npy, SaysWhatIsWrongWithAHeader) {
  const auto header_error = [&](std::string_view header) { return error(npy(header, "")); };
  EXPECT_EQ(header_error(""), "damaged .npy file: expected '{' in the header at ''");
  EXPECT_EQ(header_error("{'descr' '<f4'}"), "damaged .npy file: expected ':' in the header at ''<f4'}'");
  EXPECT_EQ(header_error("{'descr': '<f4"), "damaged .npy file: unfinished string in the header");
  EXPECT_EQ(header_error("{'descr': '<f4', 'descr': '<f8'}"),
            "damaged .npy file: unexpected key 'descr' in the header");
  EXPECT_EQ(header_error("{'order': 1}"), "damaged .npy file: unexpected key 'order' in the header");
  EXPECT_EQ(header_error("{}"), "damaged .npy file: the header has no 'descr'");
  EXPECT_EQ(header_error("{'descr': '<f4'}"), "damaged .npy file: the header has no 'fortran_order'");
  EXPECT_EQ(header_error("{'descr': '<f4', 'fortran_order': True}"),
            "damaged .npy file: the header has no 'shape'");
  EXPECT_EQ(header_error("{'fortran_order': 1}"),
            "damaged .npy file: 'fortran_order' is neither True nor False");
  EXPECT_EQ(header_error("{'shape': (2, -1)}"), "damaged .npy file: bad extent in the shape at '-1)}'");
  EXPECT_EQ(header_error("{'shape': (99999999999999999999,)}"),
            "damaged .npy file: bad extent in the shape at '99999999999999999999'");
  EXPECT_EQ(header_error("{'shape': (4294967296, 4294967296), 'descr': '<f4', 'fortran_order': False}"),
            "damaged .npy file: the shape (4294967296, 4294967296) is too large");
  EXPECT_EQ(header_error("{'descr': '<f4', 'fortran_order': False, 'shape': ()} x"),
            "damaged .npy file: text after the header's dictionary");
}

TEST_F(Npy, RefusesOtherElementTypes) {
  const auto descr_error = [&](std::string_view descr) {
    return error(npy(fmt::format("{{'descr': {}, 'fortran_order': False, 'shape': (), }}", descr), ""));
  };
  EXPECT_EQ(descr_error("'>f4'"),
            "element type '>f4' is none of <f2 <f4 <f8 |i1 <i2 <i4 <i8 |u1 <u2 <u4 |b1");
  EXPECT_EQ(descr_error("'|O'"), "element type '|O' is none of <f2 <f4 <f8 |i1 <i2 <i4 <i8 |u1 <u2 <u4 |b1");
  EXPECT_EQ(descr_error("[('x', '<f4')]"), "structured arrays are not supported");
}

TEST_F(Npy, EveryTruncationIsAnError) {
  const std::string whole = npy(kHeader, bytes_of<float>({1, 2}));
  for (size_t size = 0; size < whole.size(); ++size) EXPECT_NE(error(whole.substr(0, size)), "");
}

TEST_F(Npy, SaysWhyItCannotWrite) {
  const std::string path = folder_.path("a.npy");
  EXPECT_EQ(message_of([&] { write_npy(path, HostTensor(DType::bf16, {2})); }),
            "cannot write " + path + ": NumPy has no type bf16");
  EXPECT_EQ(message_of([&] { write_npy(path, HostTensor()); }),
            "cannot write " + path + ": the tensor is undefined");
  EXPECT_EQ(folder_.file_count(), 0u);
}

}  // namespace
}  // namespace sinter::runtime
