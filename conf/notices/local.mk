# Sample notices of several publishers; what a page shows of them depends on zone and date.
samplenoticesdir = $(docdir)/examples/notices
dist_samplenotices_DATA = \
    %D%/asl-116117.md \
    %D%/autolinee-toscane-tap.md \
    %D%/centro-pecci.md \
    %D%/comune-cie.md \
    %D%/comune-corteggio-2029.md \
    %D%/comune-mercato.md \
    %D%/comune-sportello-immigrazione.md \
    %D%/lazzerini-corsi-italiano.md \
    %D%/lazzerini-sala-studio.md \
    %D%/protezione-civile-allerta-2025.md \
    %D%/protezione-civile-avvisi.md \
    %D%/provincia-open-day.md \
    %D%/provincia-sp1.md \
    %D%/publiacqua-fontanello.md \
    %D%/publiacqua-interruzione-2025.md
