#include "jpeg.hpp"

#if HSCONAS_HAVE_JPEG

#include <algorithm>
#include <cstddef>
#include <memory>
#include <string_view>
#include <turbojpeg.h>
#include <utility>

#include "hsconas/data/orientation.hpp"

namespace hsconas::codec {

namespace {

struct JpegHeader {
  int width = 0;
  int height = 0;
  int colour_space = 0;
};

struct DestroyDecoder {
  void operator()(void* handle) const { tjDestroy(handle); }
};

/// One decoder per thread, because creating one takes as long as decoding a small image.
std::unique_ptr<void, DestroyDecoder>& jpeg_decoder() {
  thread_local std::unique_ptr<void, DestroyDecoder> decoder;
  if (decoder == nullptr) decoder.reset(tjInitDecompress());
  if (decoder == nullptr) throw Error(ErrorKind::Internal, "libturbojpeg cannot make a decoder");
  return decoder;
}

/// Call this when a decoder has reported a problem. Throws Error(Data) unless the problem is one
/// that some cameras and old editors cause and that does not prevent decoding.
void judge_problem(std::string_view doing) {
  // In libjpeg-turbo 2.1.5 a decoder that failed once may fail on sound files, so it is dropped.
  const std::unique_ptr<void, DestroyDecoder> decoder = std::move(jpeg_decoder());
  const std::string_view text = tjGetErrorStr2(decoder.get());
  const auto says = [&](std::string_view part) {
    return text.find(part) != std::string_view::npos;
  };
  const bool is_harmless = tjGetErrorCode(decoder.get()) == TJERR_WARNING
                               ? says("extraneous bytes") || says("Invalid SOS parameters")
                               : says("subsampling type");  // Unusual, but decoded.
  if (!is_harmless) fail(fmt::format("{}: {}", doing, text));
}

/// Whether the file is a progressive JPEG, whose coefficients are all decoded into memory at once.
bool is_progressive_jpeg(Bytes file) {
  constexpr std::uint8_t kProgressive = 0xC2;
  constexpr std::uint8_t kScan = 0xDA;
  for (std::size_t at = 2; at + 4 <= file.size() && file[at] == 0xFF;) {
    const std::uint8_t marker = file[at + 1];
    if (marker == kProgressive) return true;
    if (marker == kScan) return false;
    const bool is_bare = marker == 0x01 || marker == 0xFF || (marker >= 0xD0 && marker <= 0xD8);
    at += is_bare ? (marker == 0xFF ? 1 : 2) : 2 + (file[at + 2] * 256U + file[at + 3]);
  }
  return false;
}

JpegHeader read_jpeg_header(Bytes file, std::uint64_t file_bytes) {
  JpegHeader header;
  int subsampling = 0;
  if (tjDecompressHeader3(jpeg_decoder().get(), file.data(), file.size(), &header.width,
                          &header.height, &subsampling, &header.colour_space) != 0) {
    judge_problem("not a sound JPEG header");
  }
  const bool is_progressive = is_progressive_jpeg(file);
  check_size(static_cast<std::uint64_t>(header.width), static_cast<std::uint64_t>(header.height),
             file_bytes * kJpegPixelsPerByte,
             is_progressive ? kMaxProgressivePixels : kMaxJpegPixels,
             is_progressive ? "progressive JPEG" : "JPEG");
  return header;
}

/// The smallest of libjpeg's scales that keeps the shorter side at `min_side` or more; when
/// `min_side` is 0, the largest scale, up to 1, that gives at most kMaxPixels pixels.
tjscalingfactor choose_scale(const JpegHeader& header, int min_side) {
  int count = 0;
  const tjscalingfactor* list = tjGetScalingFactors(&count);
  const std::span scales(list, static_cast<std::size_t>(count));
  const auto is_smaller = [](const tjscalingfactor& a, const tjscalingfactor& b) {
    return a.num * b.denom < b.num * a.denom;
  };
  const auto fits = [&](const tjscalingfactor& scale) {
    return static_cast<std::uint64_t>(TJSCALED(header.width, scale)) *
               static_cast<std::uint64_t>(TJSCALED(header.height, scale)) <=
           kMaxPixels;
  };
  tjscalingfactor best{1, 1};
  for (const tjscalingfactor& scale : scales) {
    const bool is_first_that_fits = !fits(best) && is_smaller(scale, best);
    const bool is_larger_and_fits =
        is_smaller(best, scale) && fits(scale) && scale.num <= scale.denom;
    if (is_first_that_fits || is_larger_and_fits) best = scale;
  }
  if (min_side <= 0) return best;
  const int shorter = std::min(header.width, header.height);
  for (const tjscalingfactor& scale : scales) {
    if (is_smaller(scale, best) && TJSCALED(shorter, scale) >= min_side) best = scale;
  }
  return best;
}

void decompress(Bytes file, int pixel_format, Image& out) {
  if (tjDecompress2(jpeg_decoder().get(), file.data(), file.size(), out.pixels.data(), out.width, 0,
                    out.height, pixel_format, TJFLAG_LIMITSCANS) != 0) {
    judge_problem("damaged JPEG");
  }
}

/// Whether the file has Adobe's marker before its first scan; Adobe's programs store CMYK inverted.
bool has_adobe_mark(Bytes file) {
  constexpr std::string_view kAdobe = "Adobe";
  const Bytes head = file.first(std::min<std::size_t>(file.size(), 1U << 17U));
  for (auto at = head.begin(); at != head.end(); ++at) {
    at = std::search(at, head.end(), kAdobe.begin(), kAdobe.end());
    if (at == head.end()) return false;
    if (at - head.begin() >= 4 && at[-4] == 0xFF && at[-3] == 0xEE) return true;
  }
  return false;
}

void decode_cmyk(Bytes file, Image& out) {
  Image cmyk;
  cmyk.reshape(4, out.height, out.width);
  decompress(file, TJPF_CMYK, cmyk);
  const unsigned invert = has_adobe_mark(file) ? 0U : 255U;
  for (std::size_t pixel = 0; pixel < cmyk.pixels.size() / 4; ++pixel) {
    const unsigned black = cmyk.pixels[pixel * 4 + 3] ^ invert;
    for (std::size_t c = 0; c < 3; ++c) {
      const unsigned ink = cmyk.pixels[pixel * 4 + c] ^ invert;
      out.pixels[pixel * 3 + c] = static_cast<std::uint8_t>((ink * black + 127U) / 255U);
    }
  }
}

}  // namespace

void check_jpeg_header(Bytes head, std::uint64_t file_bytes) {
  read_jpeg_header(head, file_bytes);
}

void decode_jpeg(Bytes file, int min_side, Image& out) {
  const JpegHeader header = read_jpeg_header(file, file.size());
  const tjscalingfactor scale = choose_scale(header, min_side);
  out.reshape(3, TJSCALED(header.height, scale), TJSCALED(header.width, scale));
  if (header.colour_space == TJCS_CMYK || header.colour_space == TJCS_YCCK) {
    decode_cmyk(file, out);
  } else {
    decompress(file, TJPF_RGB, out);
  }
  turn_upright(jpeg_orientation(file), out);
}

}  // namespace hsconas::codec

#endif  // HSCONAS_HAVE_JPEG
