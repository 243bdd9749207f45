/* OpenCV behind plain types: the only C++ file; every exception becomes a code here. */
extern "C" {
#include "base/err.h"
}
#include "ocr/cv.h"

#include <cassert>
#include <exception>
#include <new>
#include <opencv2/core.hpp>
#include <opencv2/core/ocl.hpp>
#include <opencv2/core/utils/logger.hpp>
#include <opencv2/imgproc.hpp>

/* Runs `work`; what it throws becomes a fault named after `what`. */
template <typename Work> static enum err guarded(struct fault *why, const char *what, Work work)
{
    try {
        work();
        return ERR_OK;
    } catch (const std::bad_alloc &) {
        return fault_set(why, ERR_MEMORY, "%s: no memory", what);
    } catch (const cv::Exception &e) {
        return fault_set(why, e.code == cv::Error::StsNoMem ? ERR_MEMORY : ERR_INPUT, "%s: %s",
                         what, e.err.c_str());
    } catch (const std::exception &e) {
        return fault_set(why, ERR_INPUT, "%s: %s", what, e.what());
    } catch (...) {
        return fault_set(why, ERR_INPUT, "%s: an unknown exception", what);
    }
}

static cv::Mat mat_of(const struct image *image)
{
    return cv::Mat((int)image->height, (int)image->width, CV_8UC1,
                   const_cast<uint8_t *>(image->pixels), image->stride);
}

void cv_begin(void)
{
    (void)guarded(nullptr, "OpenCV", [] {
        cv::setNumThreads(1);
        cv::ocl::setUseOpenCL(false);
        cv::utils::logging::setLogLevel(cv::utils::logging::LOG_LEVEL_SILENT);
    });
}

enum err cv_resize(const struct image *from, uint8_t *to, uint32_t width, uint32_t height,
                   struct fault *why)
{
    return guarded(why, "scaling", [&] {
        cv::Mat target((int)height, (int)width, CV_8UC1, to);
        bool shrinks = width < from->width || height < from->height;
        cv::resize(mat_of(from), target, target.size(), 0, 0,
                   shrinks ? cv::INTER_AREA : cv::INTER_LINEAR);
        CV_Assert(target.data == to);
    });
}

enum err cv_warp(const struct image *from, const double map[9], uint8_t *to, uint32_t width,
                 uint32_t height, struct fault *why)
{
    return guarded(why, "perspective", [&] {
        cv::Mat target((int)height, (int)width, CV_8UC1, to);
        cv::Matx33d matrix(map);
        cv::warpPerspective(mat_of(from), target, matrix, target.size(),
                            cv::INTER_LINEAR | cv::WARP_INVERSE_MAP, cv::BORDER_REPLICATE);
        CV_Assert(target.data == to);
    });
}

static cv::Scalar colour_of(uint32_t rgb)
{
    return cv::Scalar(rgb >> 16 & 255, rgb >> 8 & 255, rgb & 255);
}

static cv::Mat mat_of(const struct cv_canvas *canvas)
{
    return cv::Mat((int)canvas->height, (int)canvas->width, CV_8UC3, canvas->pixels);
}

enum err cv_draw_line(const struct cv_canvas *canvas, const float from[2], const float to[2],
                      struct cv_pen pen, struct fault *why)
{
    return guarded(why, "drawing", [&] {
        cv::Mat target = mat_of(canvas);
        cv::line(target, cv::Point2f(from[0], from[1]), cv::Point2f(to[0], to[1]),
                 colour_of(pen.rgb), std::max(1, cvRound(pen.size)), cv::LINE_AA);
    });
}

enum err cv_draw_text(const struct cv_canvas *canvas, const float from[2], const char *text,
                      struct cv_pen pen, struct fault *why)
{
    return guarded(why, "drawing", [&] {
        cv::Mat target = mat_of(canvas);
        const int thick = std::max(1, cvRound(pen.size / 10));
        auto write = [&](const cv::Scalar &colour, int width) {
            cv::putText(target, text, cv::Point2f(from[0], from[1]), cv::FONT_HERSHEY_SIMPLEX,
                        pen.size / 22.0, colour, width, cv::LINE_AA);
        };
        write(cv::Scalar::all(0), 3 * thick);
        write(colour_of(pen.rgb), thick);
    });
}
